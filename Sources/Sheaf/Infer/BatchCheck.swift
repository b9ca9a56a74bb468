/// Runs rows alone, in one batch, and padded to a longer length, and compares: does a record get the same answer whoever its
/// batch-mates are? What `sheaf check` prints.
public struct BatchCheck: Sendable {
  public struct Options: Sendable, Hashable {
    /// Rows of the batch; 2 and more.
    public var rows = 8
    /// Rows get lengths from 1 to this, where the model has a pad axis; 1 and more.
    public var longest = 32
    /// Integers are drawn from 0 up to, and without, this.
    public var ids = 1000
    /// How far apart two answers may be: `absolute + relative × |alone|`.
    public var absolute = 1e-4
    public var relative = 1e-4
    /// The same seed gives the same rows.
    public var seed: UInt64 = 1

    public init() {}
  }

  /// What became of one output.
  public struct Output: Sendable, Hashable {
    public var name: String
    /// The largest absolute difference between a row alone and in the batch; infinite where shapes or NaNs differ.
    public var batched: Double
    /// The same between a row alone and alone with padding; `nil` where the model has no pad axis.
    public var padded: Double?
    /// All differences are within the tolerance.
    public var isWithin: Bool
  }

  public var outputs: [Output]
  /// Rows that were compared; 1: the model is not batched, and only padding was looked at.
  public var rows: Int
  /// The lengths they had.
  public var lengths: [Int]

  /// Batching never changes an answer beyond the tolerance.
  public var isSafe: Bool { outputs.allSatisfy(\.isWithin) }

  /// - Throws: what the model throws, or `ConfigurationError` where it fails a row.
  public init(_ model: any Model, _ options: Options = .init()) throws {
    let signature = model.signature
    let isPadded = signature.inputs.contains { $0.padAxis != nil }
    let count = min(max(1, options.rows), signature.maxRows ?? .max)
    let longest = isPadded ? max(1, min(options.longest, signature.maxLength ?? .max)) : 1
    var generator = SplitMix(state: options.seed)
    // Lengths are spread, and the longest is among them, so that the others are padded.
    let lengths = (0..<count).map { $0 == 0 ? longest : 1 + Int(generator.next() % UInt64(longest)) }
    var rows = lengths.map { SampleRow.random(signature, length: $0, ids: options.ids, &generator) }
    // What has no batch axis is the same for all rows.
    for index in signature.inputs.indices where signature.inputs[index].batchAxis == nil {
      for row in rows.indices { rows[row].inputs[index] = rows[0].inputs[index] }
    }
    let context = try model.makeContext()
    let batch = ModelBatch(signature: signature)
    func run(_ rows: [SampleRow], paddedTo length: Int? = nil) throws -> [[[Double]]] {
      batch.fill(rows, paddedTo: length)
      try context.run(batch)
      if let (row, reason) = batch.failures.first {
        throw ConfigurationError(key: "model", value: model.name, problem: "it failed row \(row) of the check: \(reason)", fix: "check with other rows")
      }
      return signature.outputs.indices.map { output in rows.indices.map { batch.outputRow(output, row: $0, length: rows[$0].length) } }
    }
    let alone = try rows.map { try run([$0]) }
    let together = try run(rows)
    // A padding that no batch above had: once more the longest row, within what the model takes.
    let long = min(2 * longest, signature.maxLength ?? .max)
    // Without a batch nothing is ever padded, so there is nothing to hold against the model.
    let padded = isPadded && count > 1 ? try rows.map { try run([$0], paddedTo: long) } : nil

    var outputs: [Output] = []
    for (index, spec) in signature.outputs.enumerated() {
      var result = Output(name: spec.name, batched: 0, padded: padded.map { _ in 0 }, isWithin: true)
      for row in rows.indices {
        let truth = alone[row][index][0]
        let inBatch = difference(together[index][row], truth, options)
        result.batched = max(result.batched, inBatch.largest)
        result.isWithin = result.isWithin && inBatch.isWithin
        if let padded {
          let withPadding = difference(padded[row][index][0], truth, options)
          result.padded = max(result.padded ?? 0, withPadding.largest)
          result.isWithin = result.isWithin && withPadding.isWithin
        }
      }
      outputs.append(result)
    }
    self.outputs = outputs
    self.rows = count
    self.lengths = isPadded ? lengths : []
  }
}

private func difference(_ values: [Double], _ truth: [Double], _ options: BatchCheck.Options) -> (largest: Double, isWithin: Bool) {
  guard values.count == truth.count else { return (.infinity, false) }
  var largest = 0.0
  var isWithin = true
  for (value, expected) in zip(values, truth) where value != expected && !(value.isNaN && expected.isNaN) {
    let apart = abs(value - expected)
    largest = max(largest, apart.isNaN ? .infinity : apart)
    if !(apart <= options.absolute + options.relative * abs(expected)) { isWithin = false }
  }
  return (largest, isWithin)
}
