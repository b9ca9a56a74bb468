/// What the machine's processors have done since it started, in ticks of all of them.
struct ProcessorTicks: Sendable, Equatable {
  var busy: Int
  var total: Int
}

extension ProcessorTicks {
  /// Reads the first line of /proc/stat: "cpu user nice system idle iowait irq softirq steal guest guest_nice".
  init?(_ text: String) {
    let words = Substring(text.utf8.prefix { $0 != UInt8(ascii: "\n") }).split(separator: " ")
    guard words.first == "cpu" else { return nil }
    // Guests' time is in user and nice already.
    let ticks = words.dropFirst().prefix(8).compactMap { Int($0) }
    guard ticks.count >= 4 else { return nil }
    total = ticks.reduce(0, &+)
    let waiting = ticks.count > 4 ? ticks[4] : 0
    busy = total - ticks[3] - waiting
  }

  /// The busy share since `before`, 0…1; `nil`: no tick has passed.
  func share(since before: ProcessorTicks) -> Double? {
    guard total > before.total else { return nil }
    // Counters of idle time may step back a little.
    return max(0, min(1, Double(busy - before.busy) / Double(total - before.total)))
  }
}
