import Glibc

/// Where this process' control groups and the machine say how they are; found once.
struct SystemFiles: Sendable {
  private let version: Int
  /// Groups of the processor and memory controllers, innermost first.
  private let processor: [String]
  private let memory: [String]

  /// - Parameters:
  ///   - groups: /proc/self/cgroup.
  ///   - root: where control groups are mounted.
  init(groups: String = SystemFile.read("/proc/self/cgroup") ?? "", root: String = "/sys/fs/cgroup") {
    func folders(_ controller: String) -> [String] {
      Processors.groupPath(groups, controller: controller).map { Processors.enclosing($0).map { "\(root)/\(controller)\($0)" } } ?? []
    }
    // With both mounted, the controllers are version 1's.
    let isOne = Processors.groupPath(groups, controller: "memory") != nil || Processors.groupPath(groups, controller: "cpu") != nil
    version = isOne ? 1 : 2
    let unified = isOne ? [] : Processors.groupPath(groups, controller: "").map { Processors.enclosing($0).map { root + $0 } } ?? []
    processor = isOne ? folders("cpu") : unified
    memory = isOne ? folders("memory") : unified
  }

  func throttling() -> [Throttling?] { processor.map { SystemFile.read("\($0)/cpu.stat").flatMap(Throttling.init) } }

  /// Of the group, those it lies in and the machine, that which is nearest to its limit; without any limit, the group itself.
  func memoryUse() -> MemoryUse? {
    let (current, limit) = version == 1 ? ("memory.usage_in_bytes", "memory.limit_in_bytes") : ("memory.current", "memory.max")
    var uses = memory.compactMap { folder in
      SystemFile.read("\(folder)/\(current)").flatMap {
        MemoryUse(current: $0, limit: SystemFile.read("\(folder)/\(limit)"), stat: SystemFile.read("\(folder)/memory.stat"))
      }
    }
    if let machine = SystemFile.read("/proc/meminfo").flatMap(MemoryUse.init(meminfo:)) { uses.append(machine) }
    return uses.filter { $0.limit != nil }.max { $0.share ?? 0 < $1.share ?? 0 } ?? uses.first
  }

  func memoryStall() -> MemoryStall? {
    for path in memory.map({ $0 + "/memory.pressure" }) + ["/proc/pressure/memory"] {
      if let stall = SystemFile.read(path).flatMap(MemoryStall.init) { return stall }
    }
    return nil
  }
}

/// Counters and levels as they are read; what is a share comes from two of them.
struct SystemSample: Sendable {
  var time: Nanoseconds
  /// Processor time of this process.
  var processTime: Nanoseconds = 0
  var ticks: ProcessorTicks?
  /// By control group, innermost first.
  var throttling: [Throttling?] = []
  var memory: MemoryUse?
  var stall: MemoryStall?

  init(time: Nanoseconds) { self.time = time }

  init(_ files: SystemFiles, now: Nanoseconds) {
    time = now
    var used = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
    processTime = Nanoseconds(used.tv_sec) * 1_000_000_000 + Nanoseconds(used.tv_nsec)
    ticks = SystemFile.read("/proc/stat").flatMap(ProcessorTicks.init)
    throttling = files.throttling()
    memory = files.memoryUse()
    stall = files.memoryStall()
  }
}

extension DeviceSignals {
  /// Pure.
  init(_ sample: SystemSample, since before: SystemSample?, gpu: GPUSignals?) {
    time = sample.time
    self.gpu = gpu
    throttledTime = sample.throttling.compactMap { $0?.time }.max()
    memoryUsed = sample.memory?.used
    memoryLimit = sample.memory?.limit
    memoryStall = sample.stall?.some
    memoryFullStall = sample.stall?.full
    guard let before, sample.time > before.time else { return }
    if sample.processTime >= before.processTime { processors = Double(sample.processTime - before.processTime) / Double(sample.time - before.time) }
    if let ticks = sample.ticks, let earlier = before.ticks { machineLoad = ticks.share(since: earlier) }
    throttledShare = zip(sample.throttling, before.throttling).compactMap { now, earlier in
      // Counters that had not moved yet were not there.
      now?.share(since: earlier ?? Throttling(periods: 0, throttled: 0, time: 0))
    }.max()
  }
}
