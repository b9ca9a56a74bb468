/// What the device and the machine said at one moment. What cannot be known is `nil`: there is no GPU, no quota, no such file.
public struct DeviceSignals: Sendable, Hashable {
  /// When it was read: nanoseconds of CLOCK_MONOTONIC. What is a share is of the time since the reading before, a second or more.
  public var time: Nanoseconds
  /// The model's GPU; `nil`: it runs on the CPU, or NVML is not there.
  public var gpu: GPUSignals?

  /// Processors this process kept busy, 0 and more.
  public var processors: Double?
  /// The busy share of all the machine's processors, whoever used them, 0…1.
  public var machineLoad: Double?
  /// Share of quota periods in which a control group held its threads back, 0…1; `nil`: no quota, or nothing ran.
  public var throttledShare: Double?
  /// How long threads were held back by quotas since the control group was made, in nanoseconds; `nil`: no quota.
  public var throttledTime: Nanoseconds?

  /// Bytes used, without page cache, of the control group (or the machine) that is nearest to its limit.
  public var memoryUsed: Int?
  /// Its limit, in bytes.
  public var memoryLimit: Int?
  /// Share of the last 10 s in which a thread of the control group (or the machine) waited for memory, 0…1.
  public var memoryStall: Double?
  /// The same, while no other thread could run, 0…1.
  public var memoryFullStall: Double?

  public init(time: Nanoseconds) { self.time = time }

  /// 0 and more; above 1 a kill is near.
  public var memoryShare: Double? {
    guard let memoryUsed, let memoryLimit, memoryLimit > 0 else { return nil }
    return Double(memoryUsed) / Double(memoryLimit)
  }

  /// Runs take longer than they would: by a quota in more than a tenth of its periods, or by a GPU that protects itself. Times seen
  /// meanwhile do not hold for later. (A power cap is not counted: under load it is the rule.)
  public var isThrottled: Bool { throttledShare ?? 0 > 0.1 || !(gpu?.clockLimits ?? []).isDisjoint(with: .slowdowns) }
}

/// What NVML says of a GPU.
public struct GPUSignals: Sendable, Hashable {
  /// Share of the last sampling period (1/6 s to 1 s) in which any kernel ran, 0…1: busy, not full. `nil` under MIG.
  public var utilization: Double?
  /// Bytes, of all processes, with what the driver reserves; of the instance under MIG. ONNX Runtime keeps what it once took.
  public var memoryUsed: Int?
  /// Bytes; of the instance under MIG.
  public var memoryTotal: Int?
  /// Watts; of the whole GPU under MIG.
  public var power: Double?
  /// Why its clocks are lower than they could be; of the whole GPU under MIG.
  public var clockLimits: ClockLimits?
  /// It is shared out in instances (MIG); `nil`: it knows no such mode.
  public var isMIG: Bool?

  public init() {}

  public struct ClockLimits: OptionSet, Sendable, Hashable {
    public var rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The power limit set for it.
    public static let powerCap = ClockLimits(rawValue: 1)
    /// Too hot.
    public static let thermal = ClockLimits(rawValue: 2)
    /// The hardware halved its clocks, or more: heat, or power beyond what is allowed.
    public static let hardwareSlowdown = ClockLimits(rawValue: 4)
    /// The machine's power supply asked for less.
    public static let powerBrake = ClockLimits(rawValue: 8)

    static let slowdowns: ClockLimits = [.thermal, .hardwareSlowdown, .powerBrake]
  }
}
