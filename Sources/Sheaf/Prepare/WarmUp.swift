/// Runs a model at the shapes it will meet, before its worker joins the group: the first run of a shape is the slow one (seconds on
/// a GPU), and a batch that does not fit the memory is better found before there are records to fail.
public enum WarmUp {
  public struct Result: Sendable {
    /// What was run, in order, and how long each took, in nanoseconds.
    public var ran: [(shape: BatchShape, time: Nanoseconds)] = []
    /// What the model does not take, and what it said.
    public var refused: [(shape: BatchShape, reason: String)] = []
    /// What the budget did not reach.
    public var skipped: [BatchShape] = []

    public init() {}
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
  public static func grid(maxRows: Int, maxLength: Int, maxTokens: Int) -> [BatchShape] {
    shapes(rows: steps(maxRows), lengths: steps(maxLength), maxTokens: maxTokens)
  }

  private static func steps(_ limit: Int) -> [Int] {
    var steps = Array(sequence(first: 1) { $0 * 2 }.prefix { $0 < limit })
    steps.append(max(1, limit))
    return steps
  }

  private static func shapes(rows: [Int], lengths: [Int], maxTokens: Int) -> [BatchShape] {
    rows.flatMap { rows in lengths.map { BatchShape(rows: rows, length: $0) } }.filter { $0.rows == 1 || $0.rows * $0.length <= maxTokens }
      .sorted { ($0.rows * $0.length, $0.rows) > ($1.rows * $1.length, $1.rows) }
  }

  /// Runs `shapes` in order until `budget` is spent; the shape that is running then is finished. The first always runs. What is refused is
  /// noted, and passed over.
  public static func run(_ shapes: [BatchShape], budget: Nanoseconds, clock: () -> Nanoseconds, _ runShape: (BatchShape) throws -> String?) rethrows -> Result {
    var result = Result()
    let start = clock()
    var now = start
    for (index, shape) in shapes.enumerated() {
      if index > 0, now - start >= budget {
        result.skipped = Array(shapes[index...])
        break
      }
      let refusal = try runShape(shape)
      let end = clock()
      if let refusal { result.refused.append((shape, refusal)) } else { result.ran.append((shape, end - now)) }
      now = end
    }
    return result
  }

  /// The shapes that are run for batches of these settings. Rows that are not padded have the example's extents.
  static func shapes(_ model: any Model, _ settings: BatchSettings) -> [BatchShape] {
    let signature = model.signature, settings = settings.within(signature, isOrdered: false)
    var lengths = [signature.exampleLength]
    if signature.isPadded, signature.fixedLength == nil { lengths = steps(min(model.text?.maxLength ?? .max, signature.maxLength ?? 512, max(1, settings.maxTokens))) }
    return shapes(rows: signature.fixedRows.map { [$0] } ?? steps(min(settings.maxRows, signature.mostRows)), lengths: lengths, maxTokens: settings.maxTokens)
  }

  /// Runs every shape that batches of these settings can have, on a context of its own, until `budget` nanoseconds are spent.
  /// - Throws: what the model throws that is not about a shape: it is lost, or not there, or has no memory for one row.
  public static func run(_ model: any Model, _ settings: BatchSettings, budget: Nanoseconds) throws -> Result {
    let context = try model.makeContext(), bench = ShapeBench(model.signature)
    return try run(shapes(model, settings), budget: budget, clock: monotonicNow) { shape in
      do { try bench.fill(shape) } catch { return "\(error)" }
      do { try context.run(bench.batch) } catch {
        if error is ModelLost || error is ModelUnavailable || error is ModelOutOfMemory && shape.rows == 1 { throw error }
        return "\(error)"
      }
      return nil
    }
  }
}

/// Batches of made-up rows, of whatever shape: for warm-up and measurements. Filled as lanes fill theirs.
final class ShapeBench {
  let batch: ModelBatch
  private let filler: BatchFiller
  private var maker: RowMaker
  /// The last row made; batches hold it as often as they have rows.
  private var row: MadeUpRow?

  init(_ signature: Signature) {
    batch = ModelBatch(signature: signature)
    filler = BatchFiller(signature)
    maker = RowMaker(signature)
  }

  /// - Throws: where rows of the signature cannot be made up.
  func fill(_ shape: BatchShape) throws(BatchFault) {
    let row: MadeUpRow
    if let last = self.row, last.length == shape.length { row = last } else { row = maker.row(length: shape.length) }
    self.row = row
    try filler.fill(batch, Array(repeating: row.request, count: shape.rows)[...])
  }
}
