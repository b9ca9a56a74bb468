/// How near the host's memory is to its limit, beyond which the kernel kills the process. Pure.
///
/// Not the GPU's: a full one is the rule (arenas and other processes keep what they once took, so smaller batches free nothing
/// there), and running out of it is an error that is caught and answered.
enum Pressure: Comparable {
  case none
  /// Batches do not grow.
  case near
  /// Batches have fewer rows.
  case high

  init(_ signals: DeviceSignals) {
    let share = signals.memoryShare ?? 0
    // Where all threads wait for memory already, the page cache is gone.
    let isStalled = signals.memoryFullStall ?? 0 >= 0.1
    self = share >= 0.95 || share >= 0.85 && isStalled ? .high : share >= 0.9 || isStalled ? .near : .none
  }
}

/// Says when batches have to become smaller: once where the memory comes near its limit, and again for each hundredth that it still
/// rises. Not again merely because it stays there: somebody else may use it. Pure.
struct PressureMachine {
  private(set) var pressure = Pressure.none
  private var seen: Nanoseconds = 0
  /// The share of the memory at which batches were last made smaller; `nil`: not since it was far from its limit.
  private var lowered: Double?

  /// - Returns: whether batches have to become smaller. A reading that was seen already says nothing.
  mutating func observe(_ signals: DeviceSignals) -> Bool {
    guard signals.time > seen else { return false }
    seen = signals.time
    pressure = Pressure(signals)
    if pressure == .none { lowered = nil }
    guard pressure == .high else { return false }
    let share = signals.memoryShare ?? 0
    if let lowered, share < lowered + 0.01 { return false }
    lowered = share
    return true
  }
}
