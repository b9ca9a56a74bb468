import Glibc
import SheafTesting
import Testing

@testable import Sheaf

/// A lane over scripted neighbours. What waits is dispatched at once; the lane ends when the batcher does.
@Suite struct LaneTests {
  private let source = ScriptedSource(), writer = ScriptedWriter()
  private let log = Locked<[String]>([]), faults = Locked<[String]>([]), holds = Locked<[String?]>([])

  private struct Poisoned: Error, CustomStringConvertible { var description: String { "poison" } }

  private func batcher(_ count: Int, rows: Int) -> Batcher {
    let batcher = Batcher(BatchSettings(maxRows: rows, maxWait: 0), lanes: 1, fence: source.fence)
    let requests = (0..<count).map { byteRequest(UInt32($0)) }
    _ = requests.withUnsafeBufferPointer { batcher.add($0) }
    return batcher
  }

  private func gate() -> Gate { Gate { [holds] reason in holds.withLock { $0.append(reason) } } }

  private func lane(
    _ batcher: Batcher, _ gate: Gate, rounding: ShapeRounding? = nil, signals: @escaping () -> DeviceSignals? = { nil }, _ onRun: @escaping (ModelBatch) throws -> Void
  ) -> Lane {
    Lane(
      runner: LocalRunner(ScriptedContext.signature, modelName: "m", context: ScriptedContext(onRun), rounding: rounding), batcher: batcher, source: source, writer: writer, gate: gate,
      signals: signals, log: { [log] line in log.withLock { $0.append(line) } }, fail: { [faults] error in faults.withLock { $0.append("\(error)") } })
  }

  private var told: [UInt32: [String]] { writer.told.withLock { $0 } }

  @Test func culpritsAreToldAndTheOthersAnswered() {
    let batcher = batcher(100, rows: 32), culprits: Set<UInt8> = [3, 40, 41]
    batcher.end()
    lane(batcher, gate()) { batch in if batch.input(0).contains(where: culprits.contains) { throw Poisoned() } }.run()
    #expect(told == Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, [culprits.contains(UInt8($0)) ? "poison" : "\($0)"]) }))
    #expect(writer.released.withLock { $0.isEmpty } && faults.withLock { $0.isEmpty } && holds.withLock { $0.isEmpty })
  }

  /// A model that is lost ends the worker; what is not answered is given back at once, and nothing is failed.
  @Test func aLostModelGivesBackWhatIsNotAnswered() {
    let batcher = batcher(12, rows: 8)
    batcher.end()
    var runs = 0
    lane(batcher, gate()) { batch in
      runs += 1
      if runs == 1 || batch.rows == 8 { throw Poisoned() }
      if runs > 3 { throw ModelLost("unplugged") }
    }.run()
    #expect(told == [0: ["0"], 1: ["1"], 2: ["2"], 3: ["3"]])
    #expect(writer.released.withLock { $0.sorted() } == [4, 5, 6, 7, 8, 9, 10, 11])
    #expect(faults.withLock { $0.first } == "the model cannot go on: unplugged")
  }

  /// Memory for four rows: batches are halved and no record is failed; batches are smaller from then on.
  @Test func outOfMemoryMakesBatchesSmaller() {
    let batcher = batcher(64, rows: 16)
    batcher.end()
    var sizes: [Int] = []
    lane(batcher, gate()) { batch in
      sizes.append(batch.rows)
      if batch.rows > 4 { throw ModelOutOfMemory("full") }
    }.run()
    #expect(told == Dictionary(uniqueKeysWithValues: (0..<64).map { ($0, ["\($0)"]) }))
    #expect(sizes == [16, 8, 4, 4, 8, 4, 4] + Array(repeating: 4, count: 12))
    #expect(batcher.settings.maxRows == 16)
    #expect(log.withLock { $0.first } == "out of memory with 16 rows of up to 1: batches have 8 rows at most for now")
  }

  /// The host's memory is near its limit and stays there: batches are halved once, before anything is killed, and do not grow.
  @Test func memoryNearItsLimitMakesBatchesSmaller() {
    let batcher = batcher(256, rows: 16)
    batcher.end()
    var sizes: [Int] = [], time: Nanoseconds = 0
    lane(
      batcher, gate(),
      signals: {
        time += 1_000_000_000
        var signals = DeviceSignals(time: time)
        (signals.memoryUsed, signals.memoryLimit) = (time < 3_000_000_000 ? 50 : 96, 100)
        return signals
      }
    ) { batch in sizes.append(batch.rows) }.run()
    #expect(sizes == Array(repeating: 16, count: 3) + Array(repeating: 8, count: 26))
    #expect(told == Dictionary(uniqueKeysWithValues: (0..<256).map { ($0, ["\(UInt8(truncatingIfNeeded: $0))"]) }))
    #expect(log.withLock { $0 } == ["memory is near its limit (96 of 100 bytes): batches have 8 rows at most for now"])
  }

  /// Where new shapes are slow, a batch that no known one holds is run in parts that some do.
  @Test func whatNoKnownShapeHoldsRunsInParts() {
    let batcher = batcher(14, rows: 10)
    batcher.end()
    var sizes: [Int] = []
    lane(batcher, gate(), rounding: ShapeRounding(grid: [1, 2, 4].map { BatchShape(rows: $0, length: 1) })) { batch in sizes.append(batch.rows) }.run()
    #expect(sizes == [2, 4, 2, 4, 4])
    #expect(told == Dictionary(uniqueKeysWithValues: (0..<14).map { ($0, ["\($0)"]) }))
    #expect(batcher.settings.maxRows == 10 && log.withLock { $0.isEmpty })
  }

  @Test func aRecordThatExhaustsTheMemoryAloneIsFailed() {
    let batcher = batcher(8, rows: 8)
    batcher.end()
    lane(batcher, gate()) { batch in if batch.input(0).contains(5) { throw ModelOutOfMemory("full") } }.run()
    #expect(told == Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, [$0 == 5 ? "full" : "\($0)"]) }))
    #expect(faults.withLock { $0.isEmpty })
  }

  @Test func memoryThatIsOutForKnownRowsTooEndsTheWorker() {
    let batcher = batcher(8, rows: 4)
    batcher.end()
    var runs = 0
    lane(batcher, gate()) { _ in
      runs += 1
      if runs > 1 { throw ModelOutOfMemory("full") }
    }.run()
    #expect(told.keys.sorted() == [0, 1, 2, 3])
    #expect(writer.released.withLock { $0.sorted() } == [4, 5, 6, 7])
    #expect(faults.withLock { $0.first?.contains("out of memory even for one row of length 1, which ran before") } == true)
  }

  /// What expires while the lane waits with it in hand is told so, and not run.
  @Test func whatExpiresInHandIsNotRun() {
    let batcher = Batcher(BatchSettings(maxRows: 4, maxWait: 0), lanes: 1, fence: source.fence)
    var requests = (0..<4).map { byteRequest(UInt32($0)) }
    requests[2].deadline = monotonicNow() + 50_000_000
    _ = requests.withUnsafeBufferPointer { batcher.add($0) }
    batcher.end()
    var runs: [Int] = []
    lane(batcher, gate()) { batch in
      runs.append(batch.rows)
      // The first pause is of 50 to 100 ms.
      if runs.count <= 2 { throw ModelUnavailable("restarting") }
    }.run()
    #expect(runs.first == 4 && runs.last == 3)
    #expect(told.filter { $0.key != 2 } == [0: ["0"], 1: ["1"], 3: ["3"]] && told[2]?.count == 1 && told[2] != ["2"])
  }

  /// A culprit at the end of the worker may have been cut off: it is given back, not failed.
  @Test func nothingIsFailedAtTheEnd() {
    let batcher = batcher(1, rows: 1), gate = gate()
    batcher.end()
    lane(batcher, gate) { _ in
      gate.end()
      throw ChildCrashed("signal 9")
    }.run()
    #expect(told.isEmpty && writer.released.withLock { $0 } == [0])
    #expect(!gate.failed(isFirstOfBatch: true, ""))
  }

  @Test func anAbsentModelIsWaitedFor() {
    let batcher = batcher(4, rows: 4)
    batcher.end()
    var runs = 0
    lane(batcher, gate()) { _ in
      runs += 1
      if runs <= 2 { throw ModelUnavailable("restarting") }
    }.run()
    #expect(told.count == 4 && runs == 3 && holds.withLock { $0.isEmpty })
  }

  /// A lane that waits for its model does not keep an assignment from ending: at once it gives back what is no longer admitted.
  @Test func waitingEndsWithTheAssignment() {
    let batcher = batcher(4, rows: 4), gate = gate(), begun = Locked(false)
    batcher.end()
    let lane = lane(batcher, gate) { _ in
      begun.withLock { $0 = true }
      throw ModelUnavailable("away")
    }
    let start = monotonicNow()
    nonisolated(unsafe) let running = lane
    let thread = Thread("lane") { running.run() }
    while !begun.withLock({ $0 }) { sched_yield() }
    source.fence.bar(slot: 0)
    gate.withdrawn()
    thread.join()
    #expect(told.isEmpty && writer.released.withLock { $0.sorted() } == [0, 1, 2, 3])
    #expect(monotonicNow() - start < 5_000_000_000)
  }

  /// Every run fails: some records are told, then the worker is held and the others are kept; an order lets it go on.
  @Test func aFloodHoldsAndKeepsTheRest() {
    let batcher = batcher(200, rows: 32), gate = gate(), isBroken = Locked(true)
    batcher.end()
    let lane = lane(batcher, gate) { _ in if isBroken.withLock({ $0 }) { throw Poisoned() } }
    nonisolated(unsafe) let running = lane
    let thread = Thread("lane") { running.run() }
    while gate.reason == nil { sched_yield() }
    #expect(told.count < 64 && told.values.allSatisfy { $0 == ["poison"] })
    let before = Set(told.keys)
    isBroken.withLock { $0 = false }
    gate.resume()
    thread.join()
    #expect(told == Dictionary(uniqueKeysWithValues: (0..<200).map { ($0, [before.contains($0) ? "poison" : "\($0)"]) }))
    #expect(holds.withLock { $0.count } == 2 && holds.withLock { $0[0]?.contains("requests/0 offset") } == true && holds.withLock { $0[1] } == nil)
  }

  /// Rows that the model fails one by one are a flood as well; the batch that makes it one is kept whole. A probe of one record ends
  /// the hold.
  @Test func aProbeEndsAHold() {
    let batcher = batcher(100, rows: 10), gate = gate(), runs = Locked<[Int]>([])
    batcher.end()
    lane(batcher, gate) { batch in
      runs.withLock { $0.append(batch.rows) }
      if runs.withLock({ $0.count }) <= 3 { for row in 0..<batch.rows { batch.fail(row: row, "no") } }
    }.run()
    #expect(told.values.allSatisfy { $0.count == 1 } && told.count == 100)
    #expect(told.values.count { $0 == ["no"] } == 20)
    #expect(runs.withLock { Array($0.prefix(5)) } == [10, 10, 10, 1, 9])
    #expect(holds.withLock { $0 } == ["21 records of 3 batches failed in their runs and none was answered, last requests/0 offset 29 or before: no", nil])
  }
}
