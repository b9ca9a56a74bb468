import Glibc

/// A batch as a model sees it: input tensors with the rows of several records stacked and padded, and the outputs it fills.
///
/// One belongs to each lane and is used again for every run; its tensors are aligned to 64 bytes and only ever grow.
public final class ModelBatch {
  public let signature: Signature
  /// Rows of this run, at least 1; more than were asked for where shapes are rounded up.
  public internal(set) var rows = 0
  /// Rows that are requests'; those after them are padding.
  public internal(set) var requested = 0
  /// The longest row along the pad axis; where nothing is padded, what a row's open axes multiply to.
  public internal(set) var length = 1
  /// Of each row, elements of its own along the pad axis; empty where nothing is padded.
  var ownLengths: [Int32] = []
  /// Rows the model failed, with its reasons.
  public private(set) var failures: [Int: String] = [:]

  var inputs: [Tensor]
  var outputs: [Tensor]

  /// Memory with a shape.
  struct Tensor {
    /// Owned by this batch; nil until used.
    var buffer: UnsafeMutableRawPointer?
    var capacity = 0
    /// What is to be read: `buffer`, or memory of the model's own; nil: the model has given nothing.
    var data: UnsafeRawPointer?
    var byteCount = 0
    var shape: [Int] = []
    /// Of a ragged output: where each row's entries begin, and where the last one's end.
    var rowStarts: [Int] = []

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : byteCount) }

    /// Room for so many bytes, which are then what is to be read.
    mutating func reserve(_ bytes: Int) -> UnsafeMutableRawPointer {
      if bytes > capacity || buffer == nil {
        free(buffer)
        capacity = max(64, (bytes + bytes / 4 + 63) & ~63)
        buffer = aligned_alloc(64, capacity)
        precondition(buffer != nil, "out of memory: a batch tensor of \(capacity) bytes")
      }
      data = UnsafeRawPointer(buffer)
      byteCount = bytes
      return buffer!
    }
  }

  public init(signature: Signature) {
    self.signature = signature
    inputs = signature.inputs.map { _ in Tensor() }
    outputs = signature.outputs.map { _ in Tensor() }
  }

  deinit {
    for tensor in inputs + outputs { free(tensor.buffer) }
  }

  // MARK: For the model

  /// Shape of the `index`th input, batch axis included.
  public func inputShape(_ index: Int) -> [Int] { inputs[index].shape }

  /// Elements of a row along the pad axis that are its own; those behind them are padding.
  public func ownLength(_ row: Int) -> Int { ownLengths.isEmpty ? length : Int(ownLengths[row]) }

  /// The memory of the `index`th input, row-major; valid until `run` returns. Of strings see `BytesElements`.
  public func input(_ index: Int) -> UnsafeRawBufferPointer { inputs[index].bytes }

  /// As `input(_:)`, bound to the element type's Swift counterpart.
  public func input<T: BitwiseCopyable>(_ index: Int, as type: T.Type) -> UnsafeBufferPointer<T> {
    precondition(MemoryLayout<T>.stride == signature.inputs[index].type.size, "\(T.self) is not \(signature.inputs[index].type)")
    return input(index).assumingMemoryBound(to: type)
  }

  /// Memory for the `index`th output, to be filled by the model. Its symbolic extents are this batch's rows (batch axis) and
  /// length (pad axis) unless `shape` says otherwise. - Precondition: it is not of strings.
  public func output(_ index: Int, shape: [Int]? = nil) -> UnsafeMutableRawBufferPointer {
    let spec = signature.outputs[index]
    precondition(spec.type != .bytes, "strings have lengths of their own: setOutput takes them")
    let shape = shape ?? spec.shape.indices.map { axis in
      if axis == spec.batchAxis { return rows }
      if case .fixed(let extent) = spec.shape[axis] { return extent }
      return length
    }
    let bytes = byteCount(spec.type, shape)
    outputs[index].shape = shape
    return UnsafeMutableRawBufferPointer(start: outputs[index].reserve(bytes), count: bytes)
  }

  /// As `output(_:shape:)`, bound to the element type's Swift counterpart.
  public func output<T: BitwiseCopyable>(_ index: Int, as type: T.Type, shape: [Int]? = nil) -> UnsafeMutableBufferPointer<T> {
    precondition(MemoryLayout<T>.stride == signature.outputs[index].type.size, "\(T.self) is not \(signature.outputs[index].type)")
    return output(index, shape: shape).assumingMemoryBound(to: type)
  }

  /// Gives the `index`th output as memory of the model's own, which has to stay as it is until this context runs again.
  public func setOutput(_ index: Int, _ data: UnsafeRawPointer, shape: [Int]) {
    precondition(signature.outputs[index].type != .bytes, "strings have lengths of their own: setOutput(_:bytes:shape:) takes them")
    outputs[index].data = data
    outputs[index].byteCount = byteCount(signature.outputs[index].type, shape)
    outputs[index].shape = shape
  }

  /// Gives the `index`th output, which is of strings, as `BytesElements.encode` lays them out; copied.
  public func setOutput(_ index: Int, bytes: UnsafeRawBufferPointer, shape: [Int]) {
    precondition(signature.outputs[index].type == .bytes, "output \(signature.outputs[index].name) is not of strings")
    outputs[index].shape = shape
    let memory = outputs[index].reserve(bytes.count)
    if let start = bytes.baseAddress { memcpy(memory, start, bytes.count) }
  }

  /// Gives the `index`th output, which is ragged: the entries of the first row, those of the second, and so on.
  /// - Parameters:
  ///   - counts: entries of each row.
  ///   - bytes: of all entries, row-major; of strings as `BytesElements.encode` lays them out. Copied.
  ///   - extents: of an entry.
  public func setRagged(_ index: Int, counts: [Int], bytes: UnsafeRawBufferPointer, extents: [Int] = []) {
    precondition(signature.outputs[index].isRagged, "output \(signature.outputs[index].name) is not ragged")
    var starts = [0]
    for count in counts { starts.append(starts[starts.count - 1] + count) }
    outputs[index].rowStarts = starts
    outputs[index].shape = [starts[starts.count - 1]] + extents
    let memory = outputs[index].reserve(bytes.count)
    if let start = bytes.baseAddress { memcpy(memory, start, bytes.count) }
  }

  /// Fails one row; the record it belongs to is answered with the reason, the others as usual.
  public func fail(row: Int, _ reason: String) { failures[row] = reason }

  func begin(rows: Int, length: Int, requested: Int? = nil) {
    self.rows = rows
    self.requested = requested ?? rows
    self.length = length
    ownLengths.removeAll(keepingCapacity: true)
    if !failures.isEmpty { failures = [:] }
    for index in outputs.indices { outputs[index].data = nil }
  }
}

/// Bytes of a tensor whose elements have one size. - Precondition: no extent is negative.
func byteCount(_ type: ElementType, _ shape: [Int]) -> Int { shape.reduce(type.size, *) }
