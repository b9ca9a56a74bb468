import Testing

@testable import Sheaf

@Suite struct ClocksTests {
  /// 10 s after the record was appended, 2 s after it arrived.
  private let clocks = Clocks(monotonic: 50_000_000_000, wall: 1_000_010_000_000_000)

  private func record(_ timestamp: Int64, isBrokers: Bool) -> Record {
    var record = Record(
      ticket: Ticket(slot: 0, epoch: 0, sequence: 0), topic: 0, partition: 0, offset: 0, timestamp: timestamp, arrival: 48_000_000_000,
      key: UnsafeRawBufferPointer(start: nil, count: 0), value: UnsafeRawBufferPointer(start: nil, count: 0), headers: .none)
    record.isLogAppendTime = isBrokers
    return record
  }

  @Test func theBrokersClockTellsHowLongARecordHadWaited() {
    #expect(clocks.before(record(1_000_000_000, isBrokers: true)) == 8_000_000_000)
    // A producer's clock does not, and a broker's that is ahead says nothing.
    #expect(clocks.before(record(1_000_000_000, isBrokers: false)) == 0)
    #expect(clocks.before(record(2_000_000_000, isBrokers: true)) == 0)
    #expect(clocks.before(record(.max, isBrokers: true)) == 0)
  }

  /// What waited elsewhere counts against the target, but not for `maxWait`.
  @Test func whatWaitedElsewhereIsLate() {
    var settings = BatchSettings(maxRows: 8, maxWait: 100)
    settings.policy = .adaptive
    settings.adaptive.objective = .efficiency
    settings.adaptive.latencyTarget = 1_000_000_000
    for (before, isMet) in [(0, true), (2_000_000_000, false)] as [(Nanoseconds, Bool)] {
      var queue = BatchQueue<Int>(settings, lanes: 1)
      var model = CostModel()
      for _ in 0..<4 { model.observe(rows: 1, length: 1, duration: 1_000_000) }
      queue.model = model
      queue.add(BatchItem(arrival: 10_000_000_000, rows: 1, length: 1, bytes: 1, before: before), 0, now: 10_000_000_000)
      _ = queue.next(10_000_000_000)
      let met = queue.targetIsMet
      #expect(met == isMet)
    }
  }
}
