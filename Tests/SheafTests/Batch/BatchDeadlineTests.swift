import SheafTesting
import Testing

@testable import Sheaf

private func item(_ arrival: Nanoseconds, rows: Int = 1, deadline: Nanoseconds = .max) -> BatchItem {
  BatchItem(arrival: arrival, rows: rows, length: 1, bytes: 1, deadline: deadline)
}

@Suite struct BatchDeadlineTests {
  private func machine(maxRows: Int = 8, maxWait: Nanoseconds = 100, run: Nanoseconds? = 10) -> BatchMachine<Int> {
    var machine = BatchMachine<Int>(BatchSettings(maxRows: maxRows, maxWait: maxWait, maxTokens: 1000, maxBytes: 1000))
    if let run { machine.runTimes.observe(rows: 1, run) }
    return machine
  }

  @Test func aBatchIsDueARunBeforeItsEarliestDeadline() {
    var machine = machine()
    machine.add(item(0, deadline: 70), 0)
    #expect(machine.next(0) == .wait(until: 60))
    machine.add(item(5, deadline: 60), 1)  // Two rows now, expected to take twice as long.
    #expect(machine.next(39) == .wait(until: 40))
    #expect(machine.next(40) == .dispatch(count: 2, .deadline))
  }

  @Test func aDeadlineFarAheadChangesNothing() {
    var machine = machine()
    machine.add(item(0, deadline: 1000), 0)
    #expect(machine.next(0) == .wait(until: 100))
    #expect(machine.next(100) == .dispatch(count: 1, .wait))
  }

  @Test func nothingWaitsWithADeadlineWhileRunsAreUnknown() {
    var machine = machine(run: nil)
    machine.add(item(0), 0)
    #expect(machine.next(0) == .wait(until: 100))
    machine.add(item(0, deadline: 1_000_000), 1)
    #expect(machine.next(0) == .dispatch(count: 2, .deadline))
  }

  @Test func whatHasExpiredLeavesAndTheOthersWaitOn() {
    var machine = machine(), expired: [Int] = []
    machine.add(item(0), 0)
    machine.add(item(0, rows: 7, deadline: 20), 1)
    machine.add(item(0, deadline: 30), 2)
    #expect(machine.next(29) == .expire)
    machine.removeExpired(29) { expired.append($0) }
    #expect(expired == [1] && machine.rows == 2)
    #expect(machine.next(29) == .dispatch(count: 2, .deadline))
    #expect(machine.next(30) == .expire)
    machine.removeExpired(30) { expired.append($0) }
    #expect(expired == [1, 2])
    #expect(machine.next(30) == .wait(until: 100))
  }

  @Test func drainingRunsNothingExpired() {
    var machine = machine()
    machine.add(item(0, deadline: 5), 0)
    machine.isDraining = true
    #expect(machine.next(5) == .expire)
    machine.removeExpired(5) { _ in }
    #expect(machine.next(5) == .wait(until: nil))
  }

  /// Random requests, some with deadlines, against lanes that are busy for a while: nothing expired is dispatched, nothing that has
  /// not expired is given out as expired, a free lane never waits past what is due, and everything leaves once, in order.
  @Test(arguments: 0..<60) func invariants(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var machine = machine(maxRows: .random(in: 1...20, using: &random), maxWait: .random(in: 0...300, using: &random), run: seed % 3 == 0 ? nil : 1)
    var now: Nanoseconds = 1000, busyUntil: Nanoseconds = 0
    var items: [BatchItem] = [], out: [Int] = [], expired: Set<Int> = [], waiting: [Int] = []
    for _ in 0..<3000 {
      if Int.random(in: 0..<2, using: &random) == 0 {
        let deadline = Bool.random(using: &random) ? Nanoseconds.max : now + .random(in: 0...500, using: &random)
        machine.add(item(now, rows: .random(in: 1...3, using: &random), deadline: deadline), items.count)
        waiting.append(items.count)
        items.append(item(now, deadline: deadline))
      } else {
        now += .random(in: 0...40, using: &random)
      }
      if now < busyUntil { continue }
      asking: while true {
        switch machine.next(now) {
        case .expire:
          var some: Set<Int> = []
          machine.removeExpired(now) { some.insert($0) }
          #expect(!some.isEmpty && some.allSatisfy { items[$0].deadline <= now })
          expired.formUnion(some)
          waiting.removeAll { some.contains($0) }
        case .dispatch(let count, let reason):
          var rows = 0, batch: [Int] = []
          machine.take(count) { item, payload in
            rows += item.rows
            batch.append(payload)
          }
          #expect(batch == Array(waiting.prefix(count)))
          #expect(batch.allSatisfy { items[$0].deadline > now })
          if reason == .deadline { #expect(batch.contains { items[$0].deadline < .max }) }
          waiting.removeFirst(count)
          out += batch
          let run = Nanoseconds.random(in: 1...80, using: &random)
          machine.runTimes.observe(rows: rows, run)
          if Bool.random(using: &random) {
            busyUntil = now + run
            break asking
          }
        case .wait(let until):
          guard let oldest = waiting.first else {
            #expect(until == nil)
            break asking
          }
          // Everybody fits, so everybody's deadline counts.
          let earliest = waiting.map { items[$0].deadline }.min()!
          #expect(until! > now && until! <= items[oldest].arrival + machine.settings.maxWait)
          #expect(earliest == .max || until! + machine.runTimes.expected(rows: machine.rows)! <= earliest)
          break asking
        }
      }
    }
    #expect(out == items.indices.filter { !expired.contains($0) && !waiting.contains($0) })
    #expect(!expired.isEmpty && expired.count + out.count + waiting.count == items.count)
  }

  /// Without deadlines, what runs take changes nothing.
  @Test(arguments: 0..<10) func requestsWithoutDeadlinesAreDispatchedAsEver(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var plain = machine(run: nil), other = machine()
    for now in stride(from: Nanoseconds(0), to: 20_000, by: 13) {
      let new = item(now, rows: .random(in: 1...4, using: &random))
      plain.add(new, 0)
      other.add(new, 0)
      other.runTimes.observe(rows: .random(in: 1...9, using: &random), .random(in: 0...1000, using: &random))
      let decision = plain.next(now)
      #expect(decision == other.next(now))
      if case .dispatch(let count, _) = decision, Bool.random(using: &random) {
        plain.take(count) { _, _ in }
        other.take(count) { _, _ in }
      }
    }
  }
}

@Suite struct RunTimesTests {
  @Test func nothingSeenIsNothingKnown() { #expect(RunTimes().expected(rows: 1) == nil) }

  @Test func theLongestOfItsSizeIsExpected() {
    var times = RunTimes()
    times.observe(rows: 5, 100)
    times.observe(rows: 8, 60)
    #expect(times.expected(rows: 6)! > 90 && times.expected(rows: 6)! <= 100)
    times.observe(rows: 7, 200)
    #expect(times.expected(rows: 5) == 200)
  }

  @Test func sizesNotSeenAreDerivedFromTheNearest() {
    var times = RunTimes()
    times.observe(rows: 4, 100)
    #expect(times.expected(rows: 1) == 100 && times.expected(rows: 3) == 100)
    #expect(times.expected(rows: 8) == 200 && times.expected(rows: 9) == 400)
    times.observe(rows: 1 << 30, .max)
    #expect(times.expected(rows: 8) == .max)
  }

  /// One slow run is forgotten, after some dozens of quick ones.
  @Test func aSlowRunIsForgotten() {
    var times = RunTimes()
    times.observe(rows: 1, 1_000_000)
    var last: Nanoseconds = .max
    for _ in 0..<100 {
      times.observe(rows: 1, 1000)
      #expect(times.expected(rows: 1)! <= last)
      last = times.expected(rows: 1)!
    }
    #expect(last >= 1000 && last < 4000)
  }
}
