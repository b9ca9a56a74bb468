import CPlatform

/// How many processors this process may really use: the machine's, less the affinity, less the quota of its control groups.
public enum Processors {
  /// At least 1; a quota of 2.5 processors counts as 2, since a third thread would be throttled half of the time.
  public static func available() -> Int {
    let affinity = Int(platform_affinity_count())
    guard let quota = quota() else { return max(1, affinity) }
    return max(1, min(affinity, Int(quota)))
  }

  /// The tightest quota of this process' control group and those it lies in, in processors; nil: none.
  static func quota() -> Double? {
    guard let groups = SystemFile.read("/proc/self/cgroup") else { return nil }
    var quotas: [Double] = []
    if let path = groupPath(groups, controller: "") {
      quotas += enclosing(path).compactMap { SystemFile.read("/sys/fs/cgroup\($0)/cpu.max").flatMap(parseMax) }
    }
    if let path = groupPath(groups, controller: "cpu") {
      quotas += enclosing(path).compactMap { path in
        guard let quota = SystemFile.read("/sys/fs/cgroup/cpu\(path)/cpu.cfs_quota_us"),
          let period = SystemFile.read("/sys/fs/cgroup/cpu\(path)/cpu.cfs_period_us")
        else { return nil }
        return parse(quota: quota, period: period)
      }
    }
    return quotas.min()
  }

  /// Version 2, cpu.max: "200000 100000", or "max 100000".
  static func parseMax(_ text: String) -> Double? {
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard parts.count == 2 else { return nil }
    return parse(quota: String(parts[0]), period: String(parts[1]))
  }

  /// Version 1: cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
  static func parse(quota: String, period: String) -> Double? {
    func number(_ text: String) -> Double? { text.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) } }
    guard let quota = number(quota), let period = number(period), quota > 0, period > 0 else { return nil }
    return quota / period
  }

  /// The path of a controller's group in /proc/self/cgroup ("4:cpu,cpuacct:/path"); "" is version 2's only one ("0::/path").
  static func groupPath(_ groups: String, controller: String) -> String? {
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",", omittingEmptySubsequences: false)
      if controllers.contains(Substring(controller)) { return String(parts[2]) }
    }
    return nil
  }

  /// "/a/b": "/a/b", "/a" and "". Inside a container the group's path may not exist; its root then holds the quota.
  static func enclosing(_ path: String) -> [String] {
    let names = path.split(separator: "/")
    return (0...names.count).reversed().map { names.prefix($0).map { "/\($0)" }.joined() }
  }
}
