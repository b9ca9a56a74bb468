/// How a raw value is cut into rows, worked out once.
struct RawLayout {
  private enum Kind {
    /// Rows of so many bytes, at least 1.
    case rows(Int)
    /// One row whose length is counted in so many bytes, at least 1.
    case length(Int)
    /// No raw values for this model; what to send instead.
    case none(String)
  }
  private let kind: Kind
  private let isBool: Bool
  /// Rows are stacked along the first axis; else a value is one row.
  private let isStacked: Bool
  private let type: ElementType

  init(_ signature: Signature, _ requestInputs: [Int]) {
    guard requestInputs.count == 1, let index = requestInputs.first else {
      kind = .none("application/json, since the model takes \(requestInputs.count) inputs")
      isBool = false
      isStacked = false
      type = .uint8
      return
    }
    let spec = signature.inputs[index]
    type = spec.type
    isBool = spec.type == .bool
    isStacked = spec.batchAxis == 0
    var bytes = spec.type.size
    for (axis, dimension) in spec.shape.enumerated() where axis != spec.batchAxis && axis != spec.padAxis {
      if case .fixed(let extent) = dimension { bytes *= extent }
    }
    let open = spec.shape.indices.filter { axis in
      if case .symbolic = spec.shape[axis] { return axis != spec.batchAxis && axis != spec.padAxis }
      return false
    }
    if let axis = open.first {
      kind = .none("application/json, since axis \(axis) of the model's input is open")
    } else if bytes <= 0 {
      kind = .none("application/json, since the model's input has no elements")
    } else {
      kind = spec.padAxis != nil ? .length(bytes) : .rows(bytes)
    }
  }

  /// The rows and their length of a raw value; a model with a pad axis gets one row.
  @inline(__always) func extent(of value: UnsafeRawBufferPointer) throws(RecordFault) -> (rows: Int, length: Int) {
    if isBool { try checkBools(value) }
    switch kind {
    case .rows(let size):
      let rows = value.count / size
      guard rows > 0, rows * size == value.count, rows == 1 || isStacked else {
        throw wrongSize(isStacked ? "a multiple of \(size)" : "\(size)", value.count)
      }
      return (rows, 1)
    case .length(let size):
      let length = value.count / size
      guard length > 0, length * size == value.count else { throw wrongSize("a multiple of \(size)", value.count) }
      return (1, length)
    case .none(let instead):
      throw RecordFault(.unsupported, expected: instead, came: "a raw tensor")
    }
  }

  @inline(never) private func wrongSize(_ expected: String, _ count: Int) -> RecordFault {
    RecordFault(.wrongInput, expected: "\(expected) bytes of \(type.rawValue)", came: "\(count) bytes")
  }

  @inline(never) private func checkBools(_ value: UnsafeRawBufferPointer) throws(RecordFault) {
    for (position, byte) in value.enumerated() where byte > 1 {
      throw RecordFault(.outOfRange, expected: "bytes of 0 or 1", came: "\(byte) at byte \(position)")
    }
  }
}
