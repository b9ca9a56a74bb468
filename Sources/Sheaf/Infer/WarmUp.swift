/// Runs a model at the shapes it will meet, before its worker joins the group: the first run of a shape is the slow one (seconds on
/// a GPU), and a batch that does not fit the memory is better found before there are records to fail.
public enum WarmUp {
  /// A batch: rows, and the longest row.
  public struct Shape: Sendable, Hashable {
    public var rows: Int
    public var length: Int

    public init(rows: Int, length: Int) {
      self.rows = rows
      self.length = length
    }
  }

  public struct Result: Sendable {
    /// What was run, in order, and how long each took, in nanoseconds.
    public var ran: [(shape: Shape, time: Nanoseconds)] = []
    /// What the budget did not reach.
    public var skipped: [Shape] = []
  }

  /// Powers of two, and the bounds themselves, for rows and length, as far as rows × length is within `maxTokens`.
  ///
  /// Largest first: the memory arena grows once, to its full size, instead of in steps that are never given back; a shape that
  /// does not fit fails at once; and where the budget ends early, what was not reached are the small shapes, whose first run costs
  /// the least. A row longer than `maxTokens` still runs alone, so one row of each length is always in.
  /// - Parameters:
  ///   - maxRows: 1 and more.
  ///   - maxLength: 1 and more; 1 where no input has a pad axis.
  ///   - maxTokens: 1 and more.
  public static func grid(maxRows: Int, maxLength: Int, maxTokens: Int) -> [Shape] {
    func steps(_ limit: Int) -> [Int] {
      var steps = Array(sequence(first: 1) { $0 * 2 }.prefix { $0 < limit })
      steps.append(max(1, limit))
      return steps
    }
    let shapes = steps(maxRows).flatMap { rows in steps(maxLength).map { Shape(rows: rows, length: $0) } }
    return shapes.filter { $0.rows == 1 || $0.rows * $0.length <= maxTokens }
      .sorted { ($0.rows * $0.length, $0.rows) > ($1.rows * $1.length, $1.rows) }
  }

  /// Runs `shapes` in order until `budget` is spent; the shape that is running then is finished. The first always runs.
  public static func run(
    _ shapes: [Shape], budget: Nanoseconds, clock: () -> Nanoseconds, _ runShape: (Shape) throws -> Void
  ) rethrows -> Result {
    var result = Result()
    let start = clock()
    var now = start
    for (index, shape) in shapes.enumerated() {
      if index > 0, now - start >= budget {
        result.skipped = Array(shapes[index...])
        break
      }
      try runShape(shape)
      let end = clock()
      result.ran.append((shape, end - now))
      now = end
    }
    return result
  }

  /// The shapes that are run for batches of these settings.
  static func shapes(_ model: any Model, _ settings: BatchSettings) -> [Shape] {
    let signature = model.signature
    let isPadded = signature.inputs.contains { $0.padAxis != nil }
    let longest = min(model.text?.maxLength ?? .max, signature.maxLength ?? 512, settings.maxTokens)
    return grid(maxRows: min(settings.maxRows, signature.maxRows ?? .max), maxLength: isPadded ? longest : 1, maxTokens: settings.maxTokens)
  }

  /// Runs every shape that batches of these settings can have, on a context of its own, until `budget` nanoseconds are spent.
  /// - Throws: what the model throws.
  public static func run(_ model: any Model, _ settings: BatchSettings, budget: Nanoseconds) throws -> Result {
    let context = try model.makeContext(), batch = ModelBatch(signature: model.signature)
    return try run(shapes(model, settings), budget: budget, clock: monotonicNow) { try run(context, batch, $0) }
  }

  /// Runs one batch of a shape.
  static func run(_ context: any RunContext, _ batch: ModelBatch, _ shape: Shape) throws {
    fill(batch, shape)
    try context.run(batch)
  }

  /// Fills a batch of a shape: ids and values are 0, which every vocabulary has; nothing is masked.
  static func fill(_ batch: ModelBatch, _ shape: Shape) {
    batch.begin(rows: shape.rows, length: shape.length)
    for (index, spec) in batch.signature.inputs.enumerated() {
      let extents = spec.batchShape(rows: shape.rows, length: shape.length)
      let bytes = byteCount(spec.type, extents)
      batch.inputs[index].shape = extents
      let memory = batch.inputs[index].reserve(bytes)
      let value = switch spec.source {
      case .request: 0.0
      case .mask: 1.0
      case .constant(let constant): constant
      }
      replicate(value, spec.type, memory, bytes)
    }
  }
}
