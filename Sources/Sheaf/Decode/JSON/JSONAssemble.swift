extension RequestDecoder {
  /// Makes a request of the inputs that were read: all that are needed, and of one size.
  func assemble(_ record: Record, _ replyFormat: ReplyFormat, _ block: consuming RequestBlock) throws(RecordFault) -> Request {
    let (rows, length) = try commonExtents()
    try checkSupplied(block, rows, length)

    // In the signature's order, as batches expect them.
    for (place, index) in requestInputs.enumerated() {
      guard let found = inputs.firstIndex(where: { $0.input == index }) else { throw missing(index) }
      inputs.swapAt(place, found)
    }
    let needed = inputs[..<requestInputs.count]
    let bytes = needed.reduce(0) { $0 + $1.byteCount }
    try checkSize(rows: rows, length: length, bytes: bytes)

    let isSingle = needed.count == 1
    let tableOffset = isSingle ? 0 : block.append(needed.count * MemoryLayout<RequestTensor>.stride)
    guard !needed.isEmpty, let memory = block.take() else {
      throw RecordFault(.unsupported, expected: "a model with inputs of the request's own", came: "one without")
    }
    func tensor(_ input: DecodedInput) -> RequestTensor {
      RequestTensor(
        data: UnsafeRawPointer(memory + input.offset), byteCount: input.byteCount, length: Int32(input.length),
        lengths: input.lengthsOffset.map { UnsafePointer((memory + $0).assumingMemoryBound(to: Int32.self)) })
    }
    if isSingle {
      return Request(record: record, rows: Int32(rows), length: Int32(length), tensor: tensor(needed[0]), replyFormat: replyFormat, block: memory)
    }
    let table = (memory + tableOffset).bindMemory(to: RequestTensor.self, capacity: needed.count)
    for (place, input) in needed.enumerated() { (table + place).initialize(to: tensor(input)) }
    return Request(
      record: record, rows: Int32(rows), length: Int32(length), byteCount: bytes, tensors: UnsafePointer(table), replyFormat: replyFormat, block: memory)
  }

  /// The rows of all inputs, and the longest length; inputs whose pad axes share a name share the length.
  private func commonExtents() throws(RecordFault) -> (rows: Int, length: Int) {
    var rows: Int?
    var longest = 1
    for (place, input) in inputs.enumerated() {
      let spec = signature.inputs[input.input]
      if let count = input.rows {
        if let rows, rows != count { throw RecordFault(.wrongInput, expected: "\(rows) rows for \(spec.name), as for the inputs before", came: "\(count)") }
        rows = count
      }
      guard let axis = spec.padAxis else { continue }
      longest = max(longest, input.length)
      for other in inputs[..<place] {
        let otherSpec = signature.inputs[other.input]
        guard let otherAxis = otherSpec.padAxis, otherSpec.shape[otherAxis] == spec.shape[axis] else { continue }
        guard other.length == input.length, other.lengthsOffset == nil, input.lengthsOffset == nil else {
          throw RecordFault(.wrongInput, expected: "length \(other.length) for \(spec.name), as for \(otherSpec.name)", came: "\(input.length)")
        }
      }
    }
    return (rows ?? 1, longest)
  }

  /// Inputs that the worker fills itself are taken only where they say what it says.
  private func checkSupplied(_ block: borrowing RequestBlock, _ rows: Int, _ length: Int) throws(RecordFault) {
    for input in inputs {
      let spec = signature.inputs[input.input]
      let value: Double
      switch spec.source {
      case .request: continue
      case .mask: value = 1
      case .constant(let constant): value = constant
      }
      guard allEqual(UnsafeRawPointer(block.at(input.offset)), input.byteCount / spec.type.size, spec.type, value) else {
        throw RecordFault(.unsupported, expected: "\(spec.name) left out, or \(value) throughout", came: "another value in it")
      }
    }
  }

  private func missing(_ index: Int) -> RecordFault {
    let names = requestInputs.map { signature.inputs[$0].name }.joined(separator: ", ")
    let came = inputs.map { signature.inputs[$0.input].name }.joined(separator: ", ")
    return RecordFault(.wrongInput, expected: "inputs \(names)", came: came.isEmpty ? "none" : came)
  }
}

/// Whether all of `count` elements at `data` are `value`.
private func allEqual(_ data: UnsafeRawPointer, _ count: Int, _ type: ElementType, _ value: Double) -> Bool {
  func all<T: BinaryInteger>(_: T.Type) -> Bool {
    UnsafeBufferPointer(start: data.assumingMemoryBound(to: T.self), count: count).allSatisfy { Double($0) == value }
  }
  func all<T: BinaryFloatingPoint>(_: T.Type) -> Bool {
    let element = T(value)
    return UnsafeBufferPointer(start: data.assumingMemoryBound(to: T.self), count: count).allSatisfy { $0 == element }
  }
  return switch type {
  case .bool, .uint8: all(UInt8.self)
  case .uint16: all(UInt16.self)
  case .uint32: all(UInt32.self)
  case .uint64: all(UInt64.self)
  case .int8: all(Int8.self)
  case .int16: all(Int16.self)
  case .int32: all(Int32.self)
  case .int64: all(Int64.self)
  case .float16: all(Float16.self)
  case .float32: all(Float.self)
  case .float64: all(Double.self)
  }
}
