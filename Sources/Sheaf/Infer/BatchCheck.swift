import Glibc

/// Whether a model gives a row the same answer alone, in a batch, and padded: padding, masks and company must not change it.
///
/// A model for which that is not so (dynamic int8 quantisation: 0.039 apart; a batch statistic; a ragged input without a mask) must
/// not be batched.
public struct BatchCheck: Sendable {
  public struct Difference: Sendable {
    public var output: String
    /// The largest absolute difference to the same row alone, in a batch of rows of one length.
    public var batched: Double
    /// The same in a batch of rows of unequal length; nil where rows have one length only.
    public var padded: Double?
  }
  public var differences: [Difference]
  /// What counts as the same: a difference up to this, times 1 + the value's magnitude.
  public var tolerance: Double
  public var isSafe: Bool

  /// Runs a handful of made-up rows on a context of the model's own.
  /// - Throws: what the model throws on them; it may not take made-up values.
  public init(_ model: any Model, tolerance: Double = 1e-4) throws {
    self.tolerance = tolerance
    let runner = try Runner(model)
    let isRagged = model.signature.inputs.contains { $0.padAxis != nil }
    let most = min(24, model.signature.maxLength ?? 24)
    let even = try runner.compare(lengths: [most, most, most, most], tolerance)
    let uneven = isRagged ? try runner.compare(lengths: [most / 3, most, max(1, most / 8), most / 2].map { max(1, $0) }, tolerance) : nil
    differences = model.signature.outputs.indices.map { index in
      Difference(output: model.signature.outputs[index].name, batched: even.worst[index], padded: uneven?.worst[index])
    }
    isSafe = even.isSame && uneven?.isSame ?? true
  }

  /// The first difference that is too large, in words; nil where batching is safe.
  public var problem: String? {
    guard !isSafe, let worst = differences.max(by: { max($0.batched, $0.padded ?? 0) < max($1.batched, $1.padded ?? 0) }) else { return nil }
    let place = worst.batched > tolerance ? "in a batch" : "beside a longer row"
    return "a row's answer changes \(place): output \"\(worst.output)\" differs by \(max(worst.batched, worst.padded ?? 0)), more than \(tolerance)"
  }

  private final class Runner {
    let signature: Signature
    let context: any RunContext
    let batch: ModelBatch
    let filler: BatchFiller
    let splitter: OutputSplitter

    init(_ model: any Model) throws {
      signature = model.signature
      context = try model.makeContext()
      batch = ModelBatch(signature: signature)
      filler = BatchFiller(signature)
      splitter = OutputSplitter(signature)
    }

    /// Rows of these lengths alone against the same rows together.
    func compare(lengths: [Int], _ tolerance: Double) throws -> (worst: [Double], isSame: Bool) {
      let sample = SampleRequests(signature: signature)
      let requests = lengths.enumerated().map { sample.row(length: $0.element, seed: UInt64($0.offset + 1)) }
      defer { for request in requests { request.release() } }
      let alone = try requests.indices.flatMap { try run(requests[$0...$0]) }
      let together = try run(requests[...])
      var worst = [Double](repeating: 0, count: signature.outputs.count), isSame = true
      for (mine, theirs) in zip(alone, together) {
        for output in mine.indices {
          guard mine[output].count == theirs[output].count else { return (worst.map { _ in .infinity }, false) }
          for (a, b) in zip(mine[output], theirs[output]) where a != b && !(a.isNaN && b.isNaN) {
            let difference = a.isNaN || b.isNaN ? .infinity : abs(a - b)
            worst[output] = max(worst[output], difference)
            if difference > tolerance * (1 + abs(a)) { isSame = false }
          }
        }
      }
      return (worst, isSame)
    }

    /// The outputs of each request as numbers.
    private func run(_ requests: ArraySlice<Request>) throws -> [[[Double]]] {
      filler.fill(batch, requests)
      try context.run(batch)
      try splitter.begin(batch)
      return requests.enumerated().map { index, request in
        splitter.split(first: index, rows: 1, length: Int(request.length)).map { slice in
          numbers(UnsafeRawBufferPointer(start: slice.data, count: slice.byteCount), signature.outputs[slice.output].type)
        }
      }
    }
  }
}

/// The elements of a tensor as doubles.
private func numbers(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> [Double] {
  func read<T: BitwiseCopyable>(_: T.Type, _ convert: (T) -> Double) -> [Double] {
    (0..<(bytes.count / MemoryLayout<T>.size)).map { convert(bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self)) }
  }
  return switch type {
  case .bool, .uint8: read(UInt8.self) { Double($0) }
  case .int8: read(Int8.self) { Double($0) }
  case .uint16: read(UInt16.self) { Double($0) }
  case .int16: read(Int16.self) { Double($0) }
  case .uint32: read(UInt32.self) { Double($0) }
  case .int32: read(Int32.self) { Double($0) }
  case .uint64: read(UInt64.self) { Double($0) }
  case .int64: read(Int64.self) { Double($0) }
  case .float16: read(Float16.self) { Double($0) }
  case .float32: read(Float.self) { Double($0) }
  case .float64: read(Double.self) { $0 }
  }
}
