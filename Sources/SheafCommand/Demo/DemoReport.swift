/// What the demo found, as text, and what was wrong with it.
struct DemoReport {
  var texts: [String]
  /// One a text; `nil`: not answered.
  var replies: [Exchange.Reply?]
  var seconds: Double
  var duplicates: Int
  /// Of everything sent, questions included.
  var unanswered: Int
  var failed: Int
  var questions: [(String, Exchange.Reply?)]
  /// Of each partition of the request topic.
  var committed: [Int64]
  var endOffsets: [Int64]

  var problems: [String] {
    var problems: [String] = []
    if unanswered > 0 { problems.append("\(unanswered) texts were not answered") }
    if failed > 0 {
      let example = replies.lazy.compactMap { $0?.error }.first ?? ""
      problems.append("\(failed) texts failed: \(example)")
    }
    if committed != endOffsets { problems.append("committed offsets \(committed) are not the end offsets \(endOffsets)") }
    return problems
  }

  var lines: [String] { counts + latencies + batches + nearest }

  private var answers: [Exchange.Reply] { replies.compactMap { $0 } }

  private var counts: [String] {
    let again = duplicates > 0 ? ", \(duplicates) answered twice" : ""
    return [
      "",
      "texts    \(texts.count) sent, \(answers.count - failed) answered, \(failed) failed, \(unanswered) lost\(again)",
      "commits  \(committed.map(String.init).joined(separator: " ")) of \(endOffsets.map(String.init).joined(separator: " "))",
      "rate     \(Int(Double(answers.count) / seconds)) texts/s (\(decimal(seconds)) s)",
    ]
  }

  private var latencies: [String] {
    let sorted = answers.map(\.latency).sorted()
    guard !sorted.isEmpty else { return [] }
    func percentile(_ share: Double) -> String {
      milliseconds(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))])
    }
    let alone = questions.compactMap { $1?.latency }.min().map { ", a text alone \(milliseconds($0))" } ?? ""
    return ["latency  p50 \(percentile(0.5)), p95 \(percentile(0.95)), p99 \(percentile(0.99)) with \(Exchange.outstanding) under way\(alone)"]
  }

  /// How many batches of which size, in powers of two.
  private var batches: [String] {
    var counts: [Int: Double] = [:]
    for case let rows? in answers.map(\.batch) where rows > 0 {
      let bucket = Int.bitWidth - rows.leadingZeroBitCount - 1
      counts[bucket, default: 0] += 1 / Double(rows)  // Every row of a batch tells of it once.
    }
    guard let most = counts.values.max() else { return [] }
    return ["", "rows of a batch"] + counts.sorted { $0.key < $1.key }.map { bucket, count in
      let (low, high) = (1 << bucket, (2 << bucket) - 1)
      let label = low == high ? "\(low)" : "\(low) to \(high)"
      let bar = String(repeating: "█", count: max(1, Int(40 * count / most)))
      return "  \(label.padded(to: 9)) \(bar) \(Int(count.rounded()))"
    }
  }

  /// The texts nearest to each question. Those that were sent several times are shown once.
  private var nearest: [String] {
    questions.flatMap { question, reply -> [String] in
      guard let embedding = reply?.embedding else { return [] }
      var seen: Set<String> = []
      let found = Embedding.nearest(20, to: embedding, among: replies.map { $0?.embedding })
        .filter { seen.insert(texts[$0.index]).inserted }.prefix(3)
      return ["", question] + found.map { "  \(decimal(Double($0.similarity)))  \(oneLine(texts[$0.index]))" }
    }
  }

  private func milliseconds(_ seconds: Double) -> String { "\(Int((seconds * 1000).rounded())) ms" }

  /// Two places.
  private func decimal(_ number: Double) -> String {
    let hundredths = Int((number * 100).rounded())
    let places = String(abs(hundredths) % 100)
    return "\(hundredths < 0 ? "-" : "")\(abs(hundredths) / 100).\(places.count == 1 ? "0" : "")\(places)"
  }

  private func oneLine(_ text: String) -> String {
    let words = text.split { $0.isWhitespace }.joined(separator: " ")
    return words.count <= 110 ? words : "\(words.prefix(109))…"
  }
}
