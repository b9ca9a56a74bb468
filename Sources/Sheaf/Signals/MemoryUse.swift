/// Memory of a control group or of the machine, in bytes.
struct MemoryUse: Sendable, Equatable {
  /// Without the page cache, which is given up before anything is killed.
  var used: Int
  /// `nil`: none.
  var limit: Int?

  /// 0 and more; `nil` without a limit.
  var share: Double? { limit.map { Double(used) / Double(max(1, $0)) } }

  init(used: Int, limit: Int?) {
    self.used = used
    self.limit = limit
  }

  /// Reads memory.current, memory.max and memory.stat (version 2), or memory.usage_in_bytes, memory.limit_in_bytes and memory.stat
  /// (version 1, where a huge number means none).
  init?(current: String, limit: String?, stat: String?) {
    guard let current = number(current) else { return nil }
    let stat = stat ?? ""
    // Version 1 counts the groups inside only under these names.
    let inactive = SystemFile.number("total_inactive_file", in: stat) ?? SystemFile.number("inactive_file", in: stat) ?? 0
    let active = SystemFile.number("total_active_file", in: stat) ?? SystemFile.number("active_file", in: stat) ?? 0
    used = max(0, current - inactive - active)
    self.limit = limit.flatMap(number).flatMap { $0 > 0 && $0 < 1 << 60 ? $0 : nil }
  }

  /// Reads /proc/meminfo.
  init?(meminfo: String) {
    guard let total = SystemFile.number("MemTotal:", in: meminfo), let available = SystemFile.number("MemAvailable:", in: meminfo) else { return nil }
    used = max(0, total - available) * 1024
    limit = total * 1024
  }
}

/// "max" and what is no number: `nil`.
private func number(_ text: String) -> Int? { text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } }

/// Pressure stall information: the share of the last 10 s in which threads waited for memory (reclaim, swap, pages read again).
struct MemoryStall: Sendable, Equatable {
  /// At least one thread waited, 0…1.
  var some: Double
  /// All that could have run waited, 0…1.
  var full: Double

  /// Reads /proc/pressure/memory or a group's memory.pressure: "some avg10=1.53 avg60=0.87 avg300=0.21 total=58761".
  init?(_ text: String) {
    func average(_ name: String) -> Double? {
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.first == Substring(name) else { continue }
        return words.first { $0.hasPrefix("avg10=") }.flatMap { Double($0.dropFirst(6)) }
      }
      return nil
    }
    guard let some = average("some") else { return nil }
    self.some = some / 100
    full = (average("full") ?? 0) / 100
  }
}
