import SheafTesting
import Testing

@testable import Sheaf

private func item(_ arrival: Nanoseconds, rows: Int = 1, length: Int = 1, bytes: Int = 1) -> BatchItem {
  BatchItem(arrival: arrival, rows: rows, length: length, bytes: bytes)
}

@Suite struct BatchMachineTests {
  private let settings = BatchSettings(maxRows: 4, maxWait: 100, maxTokens: 1000, maxBytes: 1000)

  @Test func nothingWaitsForNothing() {
    var machine = BatchMachine<Int>(settings)
    #expect(machine.next(0) == .wait(until: nil))
  }

  @Test func aLoneRequestIsDueMaxWaitAfterItsArrival() {
    var machine = BatchMachine<Int>(settings)
    machine.add(item(50), 0)
    #expect(machine.next(50) == .wait(until: 150))
    #expect(machine.next(149) == .wait(until: 150))
    #expect(machine.next(150) == .dispatch(count: 1, .wait))
  }

  @Test func theOldestCountsAndNotTheNewest() {
    var machine = BatchMachine<Int>(settings)
    machine.add(item(0), 0)
    machine.add(item(99), 1)
    #expect(machine.next(100) == .dispatch(count: 2, .wait))
  }

  @Test func aFullBatchIsDueAtOnce() {
    var machine = BatchMachine<Int>(settings)
    for index in 0..<4 { machine.add(item(0), index) }
    #expect(machine.next(0) == .dispatch(count: 4, .full))
  }

  @Test func aBatchKeepsGrowingUntilALaneAsks() {
    var machine = BatchMachine<Int>(settings)
    machine.add(item(0), 0)
    #expect(machine.next(200) == .dispatch(count: 1, .wait))
    machine.add(item(150), 1)
    #expect(machine.next(200) == .dispatch(count: 2, .wait))
  }

  @Test func whatDoesNotFitMakesTheBatchFull() {
    var machine = BatchMachine<Int>(settings)
    machine.add(item(0, rows: 2), 0)
    machine.add(item(0, rows: 3), 1)
    #expect(machine.next(0) == .dispatch(count: 1, .full))
  }

  @Test func tokensAreRowsTimesTheLongest() {
    var machine = BatchMachine<Int>(BatchSettings(maxRows: 100, maxWait: 100, maxTokens: 64, maxBytes: 1000))
    machine.add(item(0, length: 8), 0)
    machine.add(item(0, length: 8), 1)
    #expect(machine.next(0) == .wait(until: 100))
    machine.add(item(0, length: 32), 2)  // 3 × 32 > 64
    #expect(machine.next(0) == .dispatch(count: 2, .full))
  }

  @Test func drainingWaitsForNothing() {
    var machine = BatchMachine<Int>(settings)
    machine.add(item(0), 0)
    machine.isDraining = true
    #expect(machine.next(1) == .dispatch(count: 1, .drain))
  }

  @Test func aChangedSettingIsObeyedByTheNextBatch() {
    var machine = BatchMachine<Int>(settings)
    for index in 0..<3 { machine.add(item(0), index) }
    #expect(machine.next(0) == .wait(until: 100))
    machine.settings.maxRows = 2
    #expect(machine.next(0) == .dispatch(count: 2, .full))
    machine.settings.maxRows = 8
    machine.settings.maxWait = 7
    #expect(machine.next(0) == .wait(until: 7))
  }

  @Test func aRequestOverALoweredBoundRunsAlone() {
    var machine = BatchMachine<Int>(settings)
    machine.add(item(0, rows: 3), 0)
    machine.add(item(0), 1)
    machine.settings.maxRows = 2
    #expect(machine.next(0) == .dispatch(count: 1, .full))
  }

  /// Random arrivals, sizes, settings and lanes against the invariants: none lost or twice, order kept, no batch over a bound,
  /// none waits past maxWait while a lane is free.
  @Test(arguments: 0..<60) func invariants(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    func settings() -> BatchSettings {
      BatchSettings(
        maxRows: .random(in: 1...40, using: &random), maxWait: .random(in: 0...300, using: &random), maxTokens: .random(in: 40...2000, using: &random),
        maxBytes: .random(in: 100...5000, using: &random))
    }
    var machine = BatchMachine<Int>(settings())
    var now: Nanoseconds = 1000
    var items: [BatchItem] = [], out: [Int] = [], removed: Set<Int> = []
    var busyUntil: Nanoseconds = 0
    for _ in 0..<3000 {
      switch Int.random(in: 0..<20, using: &random) {
      case 0: machine.settings = settings()
      case 1:
        let victim = Int.random(in: 2...50, using: &random)
        machine.remove(where: { $0 % victim == 0 }) { removed.insert($0) }
      case 2...12:
        let new = item(now, rows: .random(in: 1...6, using: &random), length: .random(in: 1...80, using: &random), bytes: .random(in: 1...400, using: &random))
        machine.add(new, items.count)
        items.append(new)
      default: now += .random(in: 0...60, using: &random)
      }
      guard now >= busyUntil else { continue }
      while true {
        guard case .dispatch(let count, let reason) = machine.next(now) else { break }
        var batch: [Int] = []
        machine.take(count) { _, payload in batch.append(payload) }
        let taken = batch.map { items[$0] }
        let rows = taken.reduce(0) { $0 + $1.rows }
        #expect(!batch.isEmpty)
        if batch.count > 1 {
          #expect(rows <= machine.settings.maxRows)
          #expect(rows * taken.map(\.length).max()! <= machine.settings.maxTokens)
          #expect(taken.reduce(0) { $0 + $1.bytes } <= machine.settings.maxBytes)
        }
        if reason == .wait { #expect(taken[0].arrival + machine.settings.maxWait <= now) }
        out += batch
        if Bool.random(using: &random) {
          busyUntil = now + .random(in: 0...200, using: &random)
          break
        }
      }
      // A lane is free and nothing is due: then nobody has waited past maxWait.
      if now >= busyUntil, case .wait(let until) = machine.next(now) { #expect(until == nil || until! > now) }
    }
    machine.isDraining = true
    while case .dispatch(let count, _) = machine.next(now) { machine.take(count) { _, payload in out.append(payload) } }
    #expect(out == items.indices.filter { !removed.contains($0) })
    #expect(machine.rows == 0)
  }
}
