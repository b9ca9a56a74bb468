/// How often a control group's processor quota held its threads back: counters since the group was made.
struct Throttling: Sendable, Equatable {
  /// Quota periods in which the group ran at all.
  var periods: Int
  /// Those at whose end threads had to wait.
  var throttled: Int
  /// How long they waited, summed over processors.
  var time: Nanoseconds
}

extension Throttling {
  /// Reads cpu.stat: microseconds with version 2 (throttled_usec), nanoseconds with version 1 (throttled_time). `nil` without a
  /// quota: the counters are absent, or have never moved.
  init?(_ text: String) {
    guard let periods = SystemFile.number("nr_periods", in: text), periods > 0, let throttled = SystemFile.number("nr_throttled", in: text) else { return nil }
    self.periods = periods
    self.throttled = max(0, throttled)
    time = SystemFile.number("throttled_time", in: text).map { Nanoseconds(max(0, $0)) }
      ?? SystemFile.number("throttled_usec", in: text).map { Nanoseconds(max(0, $0)) &* 1000 } ?? 0
  }

  /// Of the periods since `before`, the share at whose end threads had to wait, 0…1; `nil`: no period has passed.
  func share(since before: Throttling) -> Double? {
    guard periods > before.periods else { return nil }
    return min(1, Double(max(0, throttled - before.throttled)) / Double(periods - before.periods))
  }
}
