/// How long a run may be expected to take, from runs seen: a decaying maximum for each power of two of rows. Pure.
struct RunTimes: Sendable {
  /// Index 0: 1 row, 1: 2, 2: 3–4, …; 0: none seen.
  private var longest = [Nanoseconds](repeating: 0, count: 25)
  private var hasSeen = false

  /// A run of `rows` took so long. A shorter one lowers the expectation by a sixteenth of the difference.
  mutating func observe(rows: Int, _ duration: Nanoseconds) {
    let bucket = bucket(rows), known = longest[bucket]
    longest[bucket] = max(1, duration >= known ? duration : known - (known - duration) / 16)
    hasSeen = true
  }

  /// What a run of `rows` took at most lately; where none of that size was seen, one of the next larger size, else of the next
  /// smaller one as if time grew with the rows. `nil`: nothing was seen.
  func expected(rows: Int) -> Nanoseconds? {
    guard hasSeen else { return nil }
    let bucket = bucket(rows)
    if let larger = longest[bucket...].first(where: { $0 > 0 }) { return larger }
    let smaller = longest[..<bucket].lastIndex { $0 > 0 }!
    let (time, overflow) = longest[smaller].multipliedReportingOverflow(by: 1 << (bucket - smaller))
    return overflow ? .max : time
  }

  private func bucket(_ rows: Int) -> Int { min(longest.count - 1, Int.bitWidth - (max(1, rows) - 1).leadingZeroBitCount) }
}
