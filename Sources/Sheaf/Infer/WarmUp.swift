/// Runs a grid of batch shapes before the worker joins its group: the first run of a shape can be slow (seconds on CUDA and
/// TensorRT), and no record should wait for it.
public enum WarmUp {
  public struct Shape: Sendable, Hashable {
    public var rows: Int
    public var length: Int
  }

  /// Rows and lengths in powers of two up to the bounds (and the bounds themselves), rows × length within maxTokens; the largest
  /// first, so that memory is taken once and what a budget cuts off are the cheap shapes.
  static func grid(_ settings: BatchSettings, maxLength: Int?, isRagged: Bool) -> [Shape] {
    let lengths = isRagged ? powers(to: min(maxLength ?? 512, settings.maxTokens)) : [1]
    return powers(to: settings.maxRows)
      .flatMap { rows in lengths.map { Shape(rows: rows, length: $0) } }
      .filter { $0.rows * $0.length <= settings.maxTokens }
      .sorted { ($0.rows * $0.length, $0.rows) > ($1.rows * $1.length, $1.rows) }
  }

  private static func powers(to most: Int) -> [Int] {
    var powers: [Int] = []
    var next = 1
    while next < most {
      powers.append(next)
      next *= 2
    }
    return powers + [most]
  }

  /// Runs the grid on a context of the model's own until `budget` nanoseconds are spent.
  /// - Returns: how many shapes were run, and how many there are.
  /// - Throws: what the model throws.
  public static func run(_ model: any Model, _ settings: BatchSettings, budget: Nanoseconds) throws -> (run: Int, of: Int) {
    let signature = model.signature
    let shapes = grid(settings, maxLength: signature.maxLength, isRagged: signature.inputs.contains { $0.padAxis != nil })
    let context = try model.makeContext()
    let batch = ModelBatch(signature: signature), filler = BatchFiller(signature), sample = SampleRequests(signature: signature)
    let end = monotonicNow() + budget
    for (index, shape) in shapes.enumerated() {
      if monotonicNow() >= end { return (index, shapes.count) }
      let row = sample.row(length: shape.length, seed: 1)
      defer { row.release() }
      filler.fill(batch, [Request](repeating: row, count: min(shape.rows, signature.maxRows ?? .max))[...])
      try context.run(batch)
    }
    return (shapes.count, shapes.count)
  }
}
