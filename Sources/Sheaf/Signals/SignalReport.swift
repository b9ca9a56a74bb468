/// What of a device's signals can be seen here, in words: for `sheaf check`.
public struct SignalReport {
  /// One line each: memory, processors, the GPU where the device is one.
  public let lines: [String]

  /// Reads once. - Parameter device: as in `Model.device`.
  public init(device: String) {
    let reader = SignalReader(device: device)
    lines = SignalReport.lines(reader.current(), device: device, quota: Processors.quota(), problem: reader.problem)
  }

  static func lines(_ signals: DeviceSignals, device: String, quota: Double?, problem: String?) -> [String] {
    var memory = [
      "memory: " + amount(signals.memoryUsed, of: signals.memoryLimit),
      signals.memoryStall.map { "waited for \(percent($0)) of the last 10 s" },
    ]
    if Pressure(signals) != .none { memory.append("near its limit") }
    let processors = [
      "processors: " + (quota.map { "a quota of \($0)" } ?? "no quota"),
      signals.throttledTime.map { "held back by it for \(Double($0 / 1_000_000) / 1000) s so far" },
    ]
    var lines = [memory, processors].map { $0.compactMap(\.self).joined(separator: ", ") }
    if let gpu = signals.gpu { lines.append("\(device): " + gpu.words.joined(separator: ", ")) }
    if let problem { lines.append("\(device): not seen: \(problem)") }
    return lines
  }

  fileprivate static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

  fileprivate static func amount(_ used: Int?, of limit: Int?) -> String {
    func text(_ bytes: Int?) -> String { bytes.map { "\((Double($0) / Double(1 << 30) * 10).rounded() / 10) GiB" } ?? "?" }
    return "\(text(used)) of \(text(limit))"
  }
}

extension GPUSignals {
  fileprivate var words: [String] {
    var words = ["memory " + SignalReport.amount(memoryUsed, of: memoryTotal)]
    if isMIG == true { words.append("a MIG instance") }
    if let utilization { words.append("busy \(SignalReport.percent(utilization))") }
    if let power { words.append("\(Int(power.rounded())) W") }
    for (limit, name) in [(ClockLimits.powerCap, "power cap"), (.thermal, "too hot"), (.hardwareSlowdown, "hardware slowdown"), (.powerBrake, "power brake")]
    where clockLimits?.contains(limit) == true { words.append(name) }
    return words
  }
}
