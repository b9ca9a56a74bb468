/// Runs rows alone, in one batch, and padded to a longer length, the way lanes do, and compares: does a record get the same answer
/// whoever its batch-mates are? What `sheaf check` prints.
public struct BatchCheck: Sendable {
  public struct Options: Sendable, Hashable {
    /// Rows of the batch; 2 and more.
    public var rows = 8
    /// Rows get lengths from 1 to this, where the model has a pad axis; 1 and more.
    public var longest = 32
    /// How far apart two answers may be: `absolute + relative × the largest number of the row alone`. `nil`: what rounding may do to
    /// numbers of the output's type.
    public var absolute: Double?
    public var relative: Double?
    /// The same seed gives the same rows.
    public var seed: UInt64 = 1

    public init() {}
  }

  /// What became of one output.
  public struct Output: Sendable, Hashable {
    public var name: String
    /// The largest absolute difference between a row alone and in the batch; infinite where shapes or NaNs differ.
    public var batched = 0.0
    /// The same between a row alone and alone with padding; `nil` where nothing was padded.
    public var padded: Double?
    /// All differences are within the tolerance.
    public var isWithin = true
    /// It is NaN for every row, so that nothing was compared.
    public var isNaN = false
    /// The same row alone was answered differently the second time: the model draws random numbers.
    public var isRandom = false
  }

  public var outputs: [Output]
  /// Rows that were compared; 1: the model is not batched.
  public var rows: Int
  /// The lengths they had.
  public var lengths: [Int]

  /// Batching never changes an answer beyond the tolerance.
  public var isSafe: Bool { outputs.allSatisfy(\.isWithin) }

  /// - Throws: what the model throws; where it fails a row.
  public init(_ model: any Model, _ options: Options = .init()) throws {
    let signature = model.signature
    let trial = try RowTrial(model, seed: options.seed)
    // The longest is among them, so that the others are padded.
    let longest = signature.isPadded ? max(1, min(options.longest, signature.fixedLength ?? signature.maxLength ?? .max)) : 1
    var random = SplitMix(state: options.seed)
    let lengths = (0..<min(max(1, options.rows), signature.mostRows)).map { $0 == 0 ? longest : 1 + Int(random.next() % UInt64(longest)) }
    let rows = lengths.map { trial.row(length: $0) }

    let alone = try rows.map { try trial.run([$0]) }
    let again = try trial.run([rows[0]])
    let together = rows.count > 1 ? try trial.run(rows) : nil
    // A padding that no batch above had: once more the longest row, within what the model takes.
    let isPadded = signature.isPadded && signature.fixedLength == nil && rows.count > 1
    let padded = isPadded ? try rows.map { try trial.run([$0], paddedTo: min(2 * longest, signature.maxLength ?? .max)) } : nil

    outputs = signature.outputs.enumerated().map { index, spec in
      let tolerance = Tolerance(spec.type, options, isHalf: signature.example.isHalf)
      var output = Output(name: spec.name, padded: padded.map { _ in 0 })
      output.isNaN = spec.type.isFloat && alone.allSatisfy { answer in answer[index][0].values.allSatisfy(\.isNaN) && !answer[index][0].values.isEmpty }
      output.isRandom = !tolerance.compare(again[index][0], alone[0][index][0]).isWithin
      for row in rows.indices {
        let truth = alone[row][index][0]
        if let together { output.note(tolerance.compare(together[index][row], truth), \.batched) }
        if let padded { output.note(tolerance.compare(padded[row][index][0], truth), \.somePadded) }
      }
      // What is never the same says nothing about batching.
      if output.isRandom { output.isWithin = true }
      return output
    }
    self.rows = rows.count
    self.lengths = signature.isPadded ? lengths : []
  }
}

extension BatchCheck.Output {
  fileprivate var somePadded: Double {
    get { padded ?? 0 }
    set { padded = newValue }
  }

  fileprivate mutating func note(_ difference: Tolerance.Difference, _ place: WritableKeyPath<BatchCheck.Output, Double>) {
    self[keyPath: place] = max(self[keyPath: place], difference.largest)
    isWithin = isWithin && difference.isWithin
  }
}
