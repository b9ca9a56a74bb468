import Glibc
import SheafTesting
import Testing

@testable import Sheaf

@Suite struct MalformedGuardTests {
  @Test func aFloodIsMostOfAThousandOverSeveralPartitions() {
    var guarded = MalformedGuard()
    guarded.note(0, 0, records: 500, malformed: 500)
    guarded.note(0, 1, records: 499, malformed: 100)
    #expect(guarded.flood(0, assigned: 2) == nil)  // Not a thousand yet.
    guarded.note(0, 1, records: 1, malformed: 0)
    #expect(guarded.flood(0, assigned: 2)?.hasPrefix("600 of its last 1000 records are malformed, in partitions 0 1") == true)
    #expect(guarded.flood(1, assigned: 2) == nil)
    guarded.forget(0)
    #expect(guarded.flood(0, assigned: 2) == nil)
  }

  @Test func onePartitionOfSeveralIsNone() {
    var guarded = MalformedGuard()
    for _ in 0..<20 {
      guarded.note(0, 0, records: 100, malformed: 100)
      guarded.note(0, 1, records: 50, malformed: 0)
    }
    #expect(guarded.flood(0, assigned: 2) == nil)
    #expect(guarded.flood(0, assigned: 1) != nil)
  }

  /// The window slides: what came a thousand records ago counts no more, whatever the sizes of the runs.
  @Test func onlyTheLastThousandCount() {
    var guarded = MalformedGuard(), random = SeededGenerator(seed: 5)
    for _ in 0..<2000 { guarded.note(0, Int32.random(in: 0..<4, using: &random), records: 1, malformed: 1) }
    #expect(guarded.flood(0, assigned: 4) != nil)
    var good = 0
    while guarded.flood(0, assigned: 4) != nil {
      let count = Int.random(in: 1...40, using: &random)
      guarded.note(0, Int32.random(in: 0..<4, using: &random), records: count, malformed: 0)
      good += count
    }
    #expect((440...560).contains(good))
  }
}

nonisolated(unsafe) private let fourBytes: UnsafeRawPointer = UnsafeRawPointer(UnsafeMutablePointer<Int32>.allocate(capacity: 1))

/// Topics that are held at decode, over scripted neighbours.
@Suite struct HeldTopicTests {
  private let source = ScriptedSource(), writer = ScriptedWriter(), log = Locked<[String]>([])

  private func record(_ sequence: UInt32, topic: Int32, isGood: Bool) -> Record {
    Record(
      ticket: Ticket(slot: 0, epoch: 0, sequence: sequence), topic: topic, partition: Int32(sequence / 10 % 2), offset: Int64(sequence), timestamp: 0, arrival: 0,
      key: .init(start: nil, count: 0), value: UnsafeRawBufferPointer(start: fourBytes, count: isGood ? 4 : 3), headers: .none)
  }

  private func stage(_ batcher: Batcher) -> DecodeStage {
    let signature = Signature(inputs: [.rows("bytes", .uint8, [4])], outputs: [.rows("bytes", .uint8, [4])])
    return DecodeStage(
      source: source, batcher: batcher, decoder: RequestDecoder(signature: signature, text: nil, options: DecodeOptions(format: .raw)), deadlines: Deadlines(timeout: nil), writer: writer,
      log: { [log] line in log.withLock { $0.append(line) } }, withdrawn: {})
  }

  private func accept(_ stage: DecodeStage, _ records: [Record]) {
    for first in stride(from: 0, to: records.count, by: RecordChunk.capacity) {
      let chunk = stage.emptyChunk(for: .interactive), some = records[first..<min(records.count, first + RecordChunk.capacity)]
      for (index, record) in some.enumerated() { (chunk.records + index).initialize(to: record) }
      chunk.count = some.count
      stage.accept(chunk)
    }
  }

  /// All of topic 0 is malformed: it is held after a thousand, and the rest is kept; topic 1 goes on; an order lets it go on; what
  /// is kept when the assignment ends is given back.
  @Test func aTopicOfMalformedRecordsIsHeldAndKept() {
    let batcher = Batcher(BatchSettings(maxRows: 8, maxWait: 0), lanes: 1, fence: source.fence), stage = stage(batcher)
    accept(stage, (0..<1500).map { record(UInt32($0), topic: 0, isGood: false) } + (1500..<1510).map { record(UInt32($0), topic: 1, isGood: false) })
    let thread = Thread("decode") { stage.run() }
    while writer.told.withLock({ $0[1509] == nil }) { usleep(1000) }
    #expect(writer.told.withLock { $0.keys.filter { $0 < 1500 }.max() } == 999)
    #expect(stage.holds.count == 1 && stage.holds[0].hasPrefix("topic requests: 1000 of its last 1000 records are malformed, in partitions 0 1"))
    #expect(source.held.withLock { $0.map(\.isHeld) } == [true])
    #expect(log.withLock { $0.count } == 1)
    stage.resume()
    while source.held.withLock({ $0.count }) < 2 { usleep(1000) }
    #expect(stage.holds.isEmpty && writer.told.withLock { $0.count } == 1510)
    accept(stage, (2000..<3500).map { record(UInt32($0), topic: 0, isGood: false) })
    while stage.holds.isEmpty { usleep(1000) }
    source.fence.bar(slot: 0)
    stage.withdrawBarred()
    stage.end()
    thread.join()
    // Each is told once or given back.
    let told = writer.told.withLock { $0 }, released = writer.released.withLock { $0 }
    #expect(told.values.allSatisfy { $0.count == 1 } && told.count + released.count == 3010)
    #expect(Set(told.keys).isDisjoint(with: released) && released.count >= 900)
  }
}
