/// Rounds batches up to shapes that were run before, for devices on which the first run of every shape is slow: CUDA tunes for it,
/// TensorRT builds an engine. Rows and length are filled with padding.
struct ShapeRounding: Sendable {
  /// By rows × length, smallest first.
  private let grid: [WarmUp.Shape]

  /// - Parameter grid: what warm-up runs.
  init(grid: [WarmUp.Shape]) { self.grid = grid.sorted { ($0.rows * $0.length, $0.rows) < ($1.rows * $1.length, $1.rows) } }

  /// Whether some shape of the grid holds `shape`. - Complexity: O(grid).
  func holds(_ shape: WarmUp.Shape) -> Bool { grid.contains { $0.rows >= shape.rows && $0.length >= shape.length } }

  /// The smallest shape of the grid that holds `shape`; itself where none does. - Complexity: O(grid).
  func round(_ shape: WarmUp.Shape) -> WarmUp.Shape {
    grid.first { $0.rows >= shape.rows && $0.length >= shape.length } ?? shape
  }
}
