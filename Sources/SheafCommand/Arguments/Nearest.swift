/// The candidate closest to a mistyped `name`, where one is close: a third of its letters may differ, and at least one.
func nearest(_ name: String, among candidates: [String]) -> String? {
  let bound = max(1, name.count / 3)
  return candidates
    .map { (name: $0, distance: editDistance(Array(name.lowercased()), Array($0.lowercased()))) }
    .filter { $0.distance <= bound }
    .min { $0.distance < $1.distance }?.name
}

/// "; did you mean X?", or nothing.
func didYouMean(_ name: String, among candidates: [String]) -> String {
  nearest(name, among: candidates).map { "; did you mean \($0)?" } ?? ""
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for i in a.indices {
    var row = [i + 1]
    for j in b.indices {
      var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
      row.append(best)
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}
