import SheafTesting
import Testing

@testable import Sheaf

@Suite struct HoldMachineTests {
  private let second: Nanoseconds = 1_000_000_000

  @Test func aHoldEndsByAProbeWithGrowingPauses() {
    var machine = HoldMachine(), now: Nanoseconds = 100, pauses: [Nanoseconds] = []
    var pass = machine.enter(now)
    #expect(pass == .run)
    let began = machine.hold("why", now: now, random: 0), again = machine.hold("another", now: now, random: 0)
    #expect(began && !again && machine.reason == "why")
    for _ in 0..<8 {
      guard case .wait(let until?) = machine.enter(now) else { break }
      pauses.append((until - now) / second)
      now = until
      pass = machine.enter(now)
      #expect(pass == .probe)
      // One probe at a time.
      pass = machine.enter(now)
      #expect(pass == .wait(until: nil))
      let isOpen = machine.probed(false, now: now, random: 0)
      #expect(!isOpen)
    }
    #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60])
    now += 60 * second
    pass = machine.enter(now)
    #expect(pass == .probe)
    let isOpen = machine.probed(true, now: now, random: 0)
    pass = machine.enter(now)
    #expect(isOpen && pass == .run && machine.reason == nil)
    // Held again soon: the pauses go on where they were. Later: they begin anew.
    _ = machine.hold("again", now: now + second, random: 0)
    #expect(machine.probeAt == now + 61 * second)
    let ended = machine.resume(), endedAgain = machine.resume()
    #expect(ended && !endedAgain)
    _ = machine.hold("later", now: now + 200 * second, random: 0)
    #expect(machine.probeAt == now + 201 * second)
  }

  @Test func anOrderEndsAHoldWhileAProbeRuns() {
    var machine = HoldMachine()
    _ = machine.hold("why", now: 0, random: 0)
    _ = machine.enter(2 * second)
    let ended = machine.resume(), endedByProbe = machine.probed(false, now: 3 * second, random: 0)
    let pass = machine.enter(3 * second)
    #expect(ended && !endedByProbe && pass == .run)
  }
}

@Suite struct FloodGuardTests {
  @Test func aFloodIsMoreThanHalfOfTheLast64() {
    var guarded = FloodGuard(), held: Int?
    for index in 0..<200 where held == nil {
      // Two of three fail, each in a batch with one that is answered.
      if index % 3 == 0 { guarded.answered(1) } else if guarded.failed(isFirstOfBatch: true) != nil { held = index }
    }
    #expect(held == 64)  // The 65th: the 64th was answered.
  }

  @Test func halfIsNoFlood() {
    var guarded = FloodGuard()
    for _ in 0..<1000 {
      guarded.answered(1)
      let reason = guarded.failed(isFirstOfBatch: true)
      #expect(reason == nil)
    }
  }

  @Test func batchesWithoutOneSuccessAreAFlood() {
    var guarded = FloodGuard(), count = 0
    while guarded.failed(isFirstOfBatch: count % 7 == 0) == nil { count += 1 }
    #expect(count == 15)
    // Not of fewer batches, and not where one is answered between.
    guarded = FloodGuard()
    for index in 0..<60 {
      let reason = guarded.failed(isFirstOfBatch: index % 40 == 0)
      #expect(reason == nil)
    }
    guarded.answered(64)
    for index in 0..<60 {
      if index % 15 == 0 { guarded.answered(20) }
      let reason = guarded.failed(isFirstOfBatch: true)
      #expect(reason == nil)
    }
  }
}
