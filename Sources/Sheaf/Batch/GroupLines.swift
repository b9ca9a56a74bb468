/// The lines in which requests wait, one for each group of those that may run together. Most models have one group.
struct GroupLines<Line: GroupLine> {
  private(set) var all: [Line] = []
  private var places: [UInt64: Int] = [:]
  /// Asked for last, as most are by whoever asks next.
  private var last = 0

  /// The line of a group. - Complexity: O(1), but for groups that are new: O(lines).
  mutating func line(of group: UInt64, make: () -> Line) -> Line {
    if last < all.count, all[last].group == group { return all[last] }
    if let place = places[group] {
      last = place
      return all[place]
    }
    if all.count >= 64 { dropEmpty() }
    last = all.count
    places[group] = last
    all.append(make())
    return all[last]
  }

  func existing(_ group: UInt64) -> Line? { places[group].map { all[$0] } }

  /// Where the oldest of all requests waits; nil: nothing waits. - Complexity: O(lines).
  var oldest: Line? {
    if all.count == 1 { return all[0].oldestArrival == nil ? nil : all[0] }
    var found: Line?, first = Nanoseconds.max
    for line in all {
      guard let arrival = line.oldestArrival, arrival < first else { continue }
      first = arrival
      found = line
    }
    return found
  }

  private mutating func dropEmpty() {
    all.removeAll { $0.oldestArrival == nil }
    places = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1.group, $0) })
  }
}

protocol GroupLine: AnyObject {
  var group: UInt64 { get }
  /// When its oldest came; nil: nothing waits.
  var oldestArrival: Nanoseconds? { get }
}
