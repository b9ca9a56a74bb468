/// Rounds batches up to shapes that were run before, for devices on which the first run of every shape is slow: CUDA tunes for it,
/// TensorRT builds an engine. Rows are filled with padding, and so is length where the model takes that.
struct ShapeRounding: Sendable {
  /// By rows × length, smallest first.
  private let grid: [BatchShape]
  private let roundsLength: Bool

  /// - Parameters:
  ///   - grid: what warm-up runs.
  ///   - roundsLength: rows may be padded; else their extents are the requests' own, and only the number of rows is rounded.
  init(grid: [BatchShape], roundsLength: Bool = true) {
    self.grid = grid.sorted { ($0.rows * $0.length, $0.rows) < ($1.rows * $1.length, $1.rows) }
    self.roundsLength = roundsLength
  }

  private func holds(_ known: BatchShape, _ shape: BatchShape) -> Bool { known.rows >= shape.rows && (known.length >= shape.length || !roundsLength) }

  /// Whether some shape of the grid holds `shape`. - Complexity: O(grid).
  func holds(_ shape: BatchShape) -> Bool { grid.contains { holds($0, shape) } }

  /// The smallest shape of the grid that holds `shape`; itself where none does. - Complexity: O(grid).
  func round(_ shape: BatchShape) -> BatchShape {
    guard let known = grid.first(where: { holds($0, shape) }) else { return shape }
    return roundsLength ? known : BatchShape(rows: known.rows, length: shape.length)
  }
}
