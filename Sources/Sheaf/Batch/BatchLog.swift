import Synchronization

/// Tells of one batch in a while: why it was dispatched and what it held, and what all batches since the line before came to.
final class BatchLog: Sendable {
  struct Batch {
    var reason: DispatchReason
    var rows: Int
    /// Of the longest row.
    var length: Int
    /// Of all rows together.
    var tokens: Int
    /// From the arrival of its oldest request to the begin of its run.
    var waited: Nanoseconds
    var ran: Nanoseconds
    /// What the cost model expected of the run; `nil`: nothing yet.
    var expected: Nanoseconds?
  }

  private let interval: Nanoseconds
  private let lanes: Int
  private let last = Mutex<(time: Nanoseconds, tally: Batcher.Tally)>((0, Batcher.Tally()))

  /// - Parameter interval: between lines at least; in nanoseconds.
  init(every interval: Nanoseconds, lanes: Int) {
    self.interval = interval
    self.lanes = lanes
  }

  /// Any lane, after a run. - Returns: the line, where one is due.
  func line(_ now: Nanoseconds, _ batch: () -> Batch, _ totals: () -> Batcher.Tally) -> String? {
    let before: (time: Nanoseconds, tally: Batcher.Tally)? = last.withLock { last in
      guard now >= last.time + interval else { return nil }
      defer { last.time = now }
      return last
    }
    guard let before else { return nil }
    let tally = totals()
    last.withLock { $0.tally = tally }
    return BatchLog.describe(batch()) + (before.time == 0 ? "" : describe(before.tally, tally, now - before.time))
  }

  private static func describe(_ batch: Batch) -> String {
    let padding = padding(batch.rows * batch.length - batch.tokens, of: batch.rows * batch.length)
    let expected = batch.expected.map { ", \(milliseconds($0)) expected" } ?? ""
    return "a batch: \(batch.rows) rows of up to \(batch.length), \(batch.reason.rawValue), the oldest after \(milliseconds(batch.waited))\(padding); ran \(milliseconds(batch.ran))\(expected)"
  }

  private func describe(_ before: Batcher.Tally, _ now: Batcher.Tally, _ elapsed: Nanoseconds) -> String {
    let reasons = DispatchReason.allCases.compactMap { reason in
      let count = (now.reasons[reason] ?? 0) - (before.reasons[reason] ?? 0)
      return count > 0 ? "\(count) \(reason.rawValue)" : nil
    }
    func share(_ time: Nanoseconds) -> Int { Int((Double(time) / Double(elapsed) / Double(lanes) * 100).rounded()) }
    let padding = BatchLog.padding(now.padding - before.padding, of: now.tokens - before.tokens)
    return "; since the line before: \(now.batches - before.batches) batches of \(now.rows - before.rows) rows (\(reasons.joined(separator: ", ")))\(padding), lanes idle \(share(now.idle - before.idle)) %, waiting for company \(share(now.waited - before.waited)) %"
  }

  private static func padding(_ padding: Int, of tokens: Int) -> String { padding > 0 ? ", \(padding * 100 / tokens) % padding" : "" }

  private static func milliseconds(_ time: Nanoseconds) -> String {
    let tenths = time / 100_000
    return "\(tenths / 10).\(tenths % 10) ms"
  }
}
