/// Runs made-up rows as a lane runs requests: the same filling, the same splitting. Says what every row was answered.
package final class RowTrial {
  /// One output as one row got it.
  package struct Answer {
    package var shape: [Int]
    /// Numbers; of strings a hash of each.
    package var values: [Double]

    package init(shape: [Int], values: [Double]) {
      self.shape = shape
      self.values = values
    }
  }

  private let signature: Signature
  private let context: any RunContext
  private let filler: BatchFiller
  private let splitter: OutputSplitter
  let batch: ModelBatch
  private var maker: RowMaker

  package init(_ signature: Signature, _ context: any RunContext, seed: UInt64 = 1) {
    self.signature = signature
    self.context = context
    filler = BatchFiller(signature)
    splitter = OutputSplitter(signature)
    batch = ModelBatch(signature: signature)
    maker = RowMaker(signature, seed: seed)
  }

  convenience init(_ model: any Model, seed: UInt64 = 1) throws { self.init(model.signature, try model.makeContext(), seed: seed) }

  /// Another row. - Parameter length: along the pad axis, 1 and more; what is not padded has the example's extents.
  package func row(length: Int = 1) -> MadeUpRow { maker.row(length: length) }
  /// A row whose integers are all the largest that the example's limits allow.
  package func extremeRow() -> MadeUpRow { maker.row(length: 1, isExtreme: true) }

  /// Runs rows as one batch. - Returns: for each output each row's answer.
  /// - Throws: what the model throws; where it fails a row.
  package func run(_ rows: [MadeUpRow], paddedTo length: Int = 1) throws -> [[Answer]] {
    try filler.fill(batch, rows.map(\.request)[...], atLeast: length)
    try context.run(batch)
    if let (row, reason) = batch.failures.min(by: { $0.key < $1.key }) { throw BatchFault("it failed row \(row): \(reason)") }
    try splitter.begin(batch)
    var answers = [[Answer]](repeating: [], count: signature.outputs.count)
    for (place, row) in rows.enumerated() {
      for slice in splitter.split(first: place, rows: 1, length: row.length) {
        answers[slice.output].append(Answer(shape: Array(slice.shape), values: slice.numbers(signature.outputs[slice.output].type)))
      }
    }
    return answers
  }
}

extension OutputSlice {
  /// Its elements as numbers; of strings a hash of each.
  func numbers(_ type: ElementType) -> [Double] {
    func all<T: BitwiseCopyable>(_: T.Type, _ number: (T) -> Double) -> [Double] {
      (0..<(byteCount / MemoryLayout<T>.stride)).map { number(data.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)) }
    }
    return switch type {
    case .bool, .uint8: all(UInt8.self) { Double($0) }
    case .uint16: all(UInt16.self) { Double($0) }
    case .uint32: all(UInt32.self) { Double($0) }
    case .uint64: all(UInt64.self) { Double($0) }
    case .int8: all(Int8.self) { Double($0) }
    case .int16: all(Int16.self) { Double($0) }
    case .int32: all(Int32.self) { Double($0) }
    case .int64: all(Int64.self) { Double($0) }
    case .float16: all(Float16.self) { Double($0) }
    case .float32: all(Float.self) { Double($0) }
    case .float64: all(Double.self) { $0 }
    case .bytes: BytesElements(bytes).map { Double(fnv1a($0) >> 12) }
    }
  }
}
