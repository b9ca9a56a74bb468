/// A bound on the rows of a batch below the configured one, after a batch has exhausted the memory. Pure.
///
/// Halved each time the memory is exhausted, or set back to what was known to fit; after some full batches that ran it grows by an
/// eighth, until it is gone. Each time the memory is exhausted that takes twice as many, so that a bound at the edge stays there.
struct RowBound {
  /// nil: none but the configured one.
  private(set) var rows: Int?
  /// A bound at which enough full batches have run.
  private var proven = 0
  private var passed = 0
  /// Full batches until it grows.
  private var patience = RowBound.first / 2

  static let first = 8, most = 4096

  /// A batch of so many rows exhausted the memory.
  mutating func exhausted(_ rows: Int) {
    // Other lanes may tell of batches that were formed before the bound fell.
    if let bound = self.rows, rows > bound { return }
    if proven >= rows { proven = 0 }
    self.rows = max(1, rows / 2, proven)
    passed = 0
    patience = min(RowBound.most, patience * 2)
  }

  /// A full batch has run. - Parameter limit: the configured bound.
  mutating func ranFull(limit: Int) {
    guard let bound = rows else { return }
    passed += 1
    guard passed >= patience else { return }
    passed = 0
    proven = bound
    let raised = bound + max(1, bound / 8)
    rows = raised >= limit ? nil : raised
  }
}
