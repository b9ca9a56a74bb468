/// Notices when failing runs are no longer single records' fault: a flood that would empty the topic into the dead letters. Pure.
///
/// Records failed by runs are counted once they stand alone. It is a flood when more than half of the last 64 records failed, or
/// when nothing was answered since 16 records of at least 3 batches failed.
struct FloodGuard {
  /// The last 64 records, the newest lowest: 1 where it failed.
  private var window: UInt64 = 0
  private var seen = 0
  /// Records that failed, and batches they are of, since one was answered.
  private var streak = 0
  private var batches = 0

  mutating func answered(_ count: Int) {
    guard count > 0 else { return }
    window = count >= 64 ? 0 : window << UInt64(count)
    seen = min(64, seen + count)
    streak = 0
    batches = 0
  }

  /// One record failed. - Returns: what makes it a flood; nil: it is none.
  mutating func failed(isFirstOfBatch: Bool) -> String? {
    window = window << 1 | 1
    seen = min(64, seen + 1)
    streak += 1
    if isFirstOfBatch { batches += 1 }
    if seen == 64, window.nonzeroBitCount > 32 { return "\(window.nonzeroBitCount) of the last 64 records failed in their runs" }
    if streak >= 16, batches >= 3 { return "\(streak) records of \(batches) batches failed in their runs and none was answered" }
    return nil
  }
}
