/// Rows that arrive a second, lately. A burst counts as a moment, not as the rate: single intervals are cut to a few times what
/// is usual.
struct ArrivalRate: Sendable {
  private static let intervals = 32
  /// Of an interval: 32 of them are 1.6 s.
  static let interval: Nanoseconds = 50_000_000

  private var counts = [Int](repeating: 0, count: intervals)
  private var current: Nanoseconds = 0
  private var first: Nanoseconds?
  private var latest: Nanoseconds = 0
  /// Where little arrives: rows and times of what came before, halved now and then.
  private var slowRows = 0.0
  private var slowSince: Nanoseconds = 0
  private var cached = (rate: 0.0, interval: Nanoseconds.max)

  init() {}

  /// - Complexity: O(1) amortised.
  mutating func add(rows: Int, now: Nanoseconds) {
    let interval = now / ArrivalRate.interval
    if first == nil {
      first = now
      slowSince = now
      current = interval
    }
    advance(to: interval)
    counts[Int(interval % UInt64(ArrivalRate.intervals))] += rows
    latest = max(latest, now)
    slowRows += Double(rows)
    if slowRows > 64 {
      slowRows /= 2
      slowSince += (latest - slowSince) / 2
    }
  }

  private mutating func advance(to interval: Nanoseconds) {
    guard interval > current else { return }
    for step in 1...min(interval - current, UInt64(ArrivalRate.intervals)) { counts[Int((current + step) % UInt64(ArrivalRate.intervals))] = 0 }
    current = interval
  }

  /// Rows a second; 0 before the second arrival.
  mutating func perSecond(_ now: Nanoseconds) -> Double {
    guard let first, now > first else { return 0 }
    let interval = now / ArrivalRate.interval
    if cached.interval == interval { return cached.rate }
    advance(to: interval)
    // Whole intervals only, and only those since the first arrival.
    let since = first / ArrivalRate.interval
    let whole = Int(min(UInt64(ArrivalRate.intervals - 1), interval - since))
    var seen: [Int] = []
    for age in 1..<(whole + 1) where whole > 0 { seen.append(counts[Int((interval - UInt64(age)) % UInt64(ArrivalRate.intervals))]) }
    let total = seen.reduce(0, +)
    if total < 16 {
      let span = Double(now - slowSince) / 1e9
      return span > 0 ? slowRows / span : 0
    }
    seen.sort()
    let median = Double(seen[seen.count / 2])
    let limit = 4 * median + 4
    let rate = seen.reduce(0.0) { $0 + min(Double($1), limit) } / (Double(seen.count) * Double(ArrivalRate.interval) / 1e9)
    cached = (rate, interval)
    return rate
  }
}
