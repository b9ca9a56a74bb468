import SheafTesting
import Testing

@testable import Sheaf

/// A reading at `time` seconds, with so many per cent of the memory used.
private func reading(_ time: Int, _ used: Int, stall: Double? = nil) -> DeviceSignals {
  var signals = DeviceSignals(time: Nanoseconds(time) * 1_000_000_000)
  (signals.memoryUsed, signals.memoryLimit, signals.memoryFullStall) = (used, 100, stall)
  return signals
}

@Suite struct PressureTests {
  @Test(arguments: [
    (0, nil, .none), (89, 0.05, .none), (90, nil, .near), (94, 0, .near), (95, nil, .high), (120, nil, .high),
    (10, 0.5, .near), (84, 0.1, .near), (85, 0.1, .high),
  ] as [(Int, Double?, Pressure)])
  func levels(_ used: Int, _ stall: Double?, _ pressure: Pressure) { #expect(Pressure(reading(1, used, stall: stall)) == pressure) }

  @Test func whatIsNotKnownIsNoPressure() { #expect(Pressure(DeviceSignals(time: 1)) == .none) }

  @Test func lowersOnceAndAgainOnlyWhileItRises() {
    var machine = PressureMachine()
    let used = [50, 96, 96, 95, 97, 97, 92, 96, 80, 95]
    let lowered = used.enumerated().map { machine.observe(reading($0 + 1, $1)) }
    #expect(lowered == [false, true, false, false, true, false, false, false, false, true])
  }

  /// Several lanes are given the same reading.
  @Test func aReadingCountsOnce() {
    var machine = PressureMachine()
    let lowered = [(2, 96), (2, 96), (1, 99)].map { machine.observe(reading($0, $1)) }
    #expect(lowered == [true, false, false])
    #expect(machine.pressure == .high)
  }

  /// Whatever the memory does, it takes a rise by a hundredth to lower again, so a batch is not ground down to a row by a plateau.
  @Test func lowersAtMostOncePerHundredthOfRise() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      var machine = PressureMachine(), last: Int?
      for time in 1...100 {
        let used = Int.random(in: 85...105, using: &random)
        let lowers = machine.observe(reading(time, used))
        if used < 90 { last = nil }
        #expect(lowers == (used >= 95 && used > last ?? 0), "\(used) after \(last ?? 0)")
        if lowers { last = used }
      }
    }
  }

  @Test func slowdownsOfTheGPUAreThrottlingAndAPowerCapIsNot() {
    var signals = DeviceSignals(time: 1)
    #expect(!signals.isThrottled)
    signals.gpu = GPUSignals()
    #expect(!signals.isThrottled)
    signals.gpu?.clockLimits = .powerCap
    #expect(!signals.isThrottled)
    signals.gpu?.clockLimits = [.powerCap, .thermal]
    #expect(signals.isThrottled)
    signals.gpu = nil
    signals.throttledShare = 0.1
    #expect(!signals.isThrottled)
    signals.throttledShare = 0.2
    #expect(signals.isThrottled)
  }

  /// A bound there is grows by full batches, but not while the memory is near its limit.
  @Test func batchesDoNotGrowUnderPressure() {
    let batcher = Batcher(BatchSettings(maxRows: 64, maxWait: 0), lanes: 1, fence: Fence())
    #expect(batcher.observed(reading(1, 50)) == nil)
    #expect(batcher.exhausted(rows: 64) == 32)
    for _ in 0..<100 { batcher.ran(rows: 31) }  // Smaller ones prove nothing.
    for _ in 0..<8 { batcher.ran(rows: 32) }
    #expect(batcher.observed(reading(2, 92)) == nil)
    // A batch larger than any that may be now: it tells the bound and changes nothing.
    #expect(batcher.exhausted(rows: 1000) == 36)
    for _ in 0..<100 { batcher.ran(rows: 36) }
    #expect(batcher.exhausted(rows: 1000) == 36)
    #expect(batcher.observed(reading(3, 50)) == nil)
    for _ in 0..<8 { batcher.ran(rows: 36) }
    #expect(batcher.exhausted(rows: 1000) == 40)
    #expect(batcher.settings.maxRows == 64)
  }
}
