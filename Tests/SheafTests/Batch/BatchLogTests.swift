import Testing

@testable import Sheaf

@Suite struct BatchLogTests {
  private let batch = BatchLog.Batch(reason: .wait, rows: 3, length: 10, tokens: 21, waited: 5_040_000, ran: 12_300_000, expected: 11_000_000)

  @Test func tellsOfABatchAndOfAllSinceTheLineBefore() throws {
    let log = BatchLog(every: 1_000_000_000, lanes: 2)
    var tally = Batcher.Tally()
    tally.add(rows: 3, longest: 10, tokens: 21, .wait, isLate: false)
    #expect(
      log.line(2_000_000_000, { batch }, { tally })
        == "a batch: 3 rows of up to 10, wait, the oldest after 5.0 ms, 30 % padding; ran 12.3 ms, 11.0 ms expected")
    // Nothing is worked out before the next line is due.
    #expect(log.line(2_999_999_999, { Issue.record("not due"); return batch }, { Issue.record("not due"); return tally }) == nil)
    for _ in 0..<4 { tally.add(rows: 2, longest: 5, tokens: 8, .full, isLate: false) }
    tally.add(rows: 1, longest: 5, tokens: 5, .idle, isLate: false)
    tally.idle += 1_000_000_000
    tally.waited += 400_000_000
    let line = try #require(log.line(4_000_000_000, { batch }, { tally }))
    #expect(line.hasSuffix("; since the line before: 5 batches of 9 rows (4 full, 1 idle), 17 % padding, lanes idle 25 %, waiting for company 10 %"), "\(line)")
  }

  @Test func whatIsNotKnownIsLeftOut() {
    let batch = BatchLog.Batch(reason: .idle, rows: 1, length: 1, tokens: 1, waited: 0, ran: 90_000, expected: nil)
    #expect(BatchLog(every: 1, lanes: 1).line(1, { batch }, { Batcher.Tally() }) == "a batch: 1 rows of up to 1, idle, the oldest after 0.0 ms; ran 0.0 ms")
  }
}
