/// Runs requests in this process, on one run context.
final class LocalRunner: BatchRunner {
  private let signature: Signature
  private let context: any RunContext
  private let filler: BatchFiller
  private let splitter: OutputSplitter
  private let encoder: ReplyEncoder
  private let watch: Watchdog.Watch?
  let batch: ModelBatch
  private lazy var joiner = OutputJoiner(signature)
  private lazy var rows = RowMaker(signature)

  /// The requests of the last run, where the rows of each begin, and the batch that holds their outputs.
  private var requests: [Request] = []
  private var starts: [Int] = []
  private var failures: [Int: String] = [:]

  init(_ signature: Signature, modelName: String, version: String? = nil, context: any RunContext, rounding: ShapeRounding? = nil, watch: Watchdog.Watch? = nil) {
    self.signature = signature
    self.context = context
    self.watch = watch
    batch = ModelBatch(signature: signature)
    filler = BatchFiller(signature, rounding: rounding)
    splitter = OutputSplitter(signature)
    encoder = ReplyEncoder(signature: signature, modelName: modelName, version: version)
  }

  convenience init(_ model: any Model, rounding: ShapeRounding? = nil, watch: Watchdog.Watch? = nil) throws {
    self.init(model.signature, modelName: model.name, version: model.version, context: try model.makeContext(), rounding: rounding, watch: watch)
  }

  func isNew(_ requests: ArraySlice<Request>) -> Bool { filler.isNew(requests) }

  func run(_ requests: ArraySlice<Request>, within bounds: RunBounds) throws -> BatchRun {
    note(requests)
    if requests.count == 1, let request = requests.first {
      if EvenParts.areNeeded(request, signature) {
        let parts = try EvenParts(request, signature)
        return try withExtendedLifetime(parts) { try self.run(request, parts.requests, bounds) }
      }
      if bounds.rowsOfPart(request) != nil { return try self.run(request, [request], bounds) }
    }
    try filler.fill(batch, requests)
    var run = BatchRun(parts: [try runFilled(requests.first?.record, requests.last?.record)])
    try splitter.begin(batch, isOneRequest: requests.count == 1 && batch.rows == batch.requested)
    failures = batch.failures
    count(&run)
    return run
  }

  private func note(_ requests: ArraySlice<Request>) {
    self.requests.removeAll(keepingCapacity: true)
    self.requests.append(contentsOf: requests)
    starts.removeAll(keepingCapacity: true)
    var start = 0
    for request in requests {
      starts.append(start)
      start += Int(request.rows)
    }
  }

  private func runFilled(_ first: Record?, _ last: Record?) throws -> BatchRun.Part {
    watch?.begin(rows: batch.rows, first, last)
    defer { watch?.end() }
    let begun = monotonicNow()
    try context.run(batch)
    return BatchRun.Part(shape: BatchShape(rows: batch.rows, length: batch.length), rowPadding: batch.rows - batch.requested, time: monotonicNow() - begun)
  }

  /// - Parameter parts: the request's rows, those that can run together in one.
  private func run(_ request: Request, _ parts: [Request], _ bounds: RunBounds) throws -> BatchRun {
    var run = BatchRun()
    joiner.begin(rows: Int(request.rows), length: signature.fixedLength ?? Int(request.length))
    for part in parts {
      let rows = Int(part.rows), most = bounds.rowsOfPart(part) ?? rows
      for first in stride(from: 0, to: rows, by: most) {
        try filler.fill(batch, part, rows: first..<min(first + most, rows))
        run.parts.append(try runFilled(request.record, request.record))
        // What the model gave is looked at before it is copied.
        try splitter.begin(batch)
        try joiner.append(batch)
      }
    }
    try splitter.begin(joiner.whole)
    failures = joiner.whole.failures
    count(&run)
    return run
  }

  private func count(_ run: inout BatchRun) {
    guard !failures.isEmpty else { return }
    for (index, request) in requests.enumerated() {
      guard let row = (starts[index]..<starts[index] + Int(request.rows)).first(where: { failures[$0] != nil }) else { continue }
      if run.failed == 0 { run.firstFailure = failures[row]! }
      run.failed += 1
    }
  }

  func reply(_ index: Int) -> BatchReply {
    let request = requests[index], first = starts[index], rows = Int(request.rows)
    if !failures.isEmpty, let row = (first..<first + rows).first(where: { failures[$0] != nil }) {
      return .failed(rows == 1 ? failures[row]! : "row \(row - first): \(failures[row]!)")
    }
    let slices = splitter.split(first: first, rows: rows, length: ownLength(request))
    return .value(encoder.encode(request, slices), hasNaN: hasNaN(request, slices))
  }

  /// The length of the request's own rows, where all are padded to one length.
  private func ownLength(_ request: Request) -> Int {
    guard signature.fixedLength != nil else { return Int(request.length) }
    return signature.inputs.indices.reduce(1) { longest, index in
      signature.inputs[index].padAxis == nil || request.tensor(index).data == nil ? longest : max(longest, Int(request.tensor(index).length))
    }
  }

  private func hasNaN(_ request: Request, _ slices: UnsafeBufferPointer<OutputSlice>) -> Bool {
    let wanted = request.outputs
    if wanted.baseAddress != nil { return wanted.contains { slices[Int($0)].hasNaN(signature.outputs[Int($0)].type) } }
    return slices.contains { $0.hasNaN(signature.outputs[$0.output].type) }
  }

  func runExample(length: Int) throws {
    let row = rows.row(length: length)
    try filler.fill(batch, [row.request][...])
    _ = try runFilled(nil, nil)
  }

  /// Halves the rows until one is left: it fails, or one after it does.
  func failingRow(of request: Request) -> Int? {
    if EvenParts.areNeeded(request, signature) { return nil }
    var suspects = 0..<Int(request.rows)
    func fails(_ rows: Range<Int>) -> Bool {
      do {
        try filler.fill(batch, request, rows: rows)
        _ = try runFilled(request.record, request.record)
        return !batch.failures.isEmpty
      } catch { return true }
    }
    while suspects.count > 1 {
      let middle = suspects.lowerBound + suspects.count / 2
      suspects = fails(suspects.lowerBound..<middle) ? suspects.lowerBound..<middle : middle..<suspects.upperBound
    }
    return fails(suspects) ? suspects.lowerBound : nil
  }
}

extension OutputSlice {
  /// Whether a float of it is not a number.
  func hasNaN(_ type: ElementType) -> Bool {
    switch type {
    case .float32: anyNaN(Float.self)
    case .float64: anyNaN(Double.self)
    case .float16: anyNaN(Float16.self)
    default: false
    }
  }

  private func anyNaN<T: BinaryFloatingPoint & BitwiseCopyable>(_: T.Type) -> Bool {
    let size = MemoryLayout<T>.size
    // Without an early end, so that several are compared at once.
    var found = false
    for offset in stride(from: 0, to: byteCount - byteCount % size, by: size) {
      let value = data.loadUnaligned(fromByteOffset: offset, as: T.self)
      found = found || value != value
    }
    return found
  }
}
