extension RequestDecoder {
  /// Makes a request of the inputs that were read: all that are needed, and of one size.
  func assemble(_ record: Record, _ replyFormat: ReplyFormat, _ block: consuming RequestBlock) throws(RecordFault) -> Request {
    for index in requestInputs where !inputs.contains(where: { $0.input == index }) { throw missing(index) }
    guard !inputs.isEmpty else { throw RecordFault(.unsupported, expected: "a model with inputs of the request's own", came: "one without") }
    let (rows, length) = try commonExtents()
    if separator != nil, let ids = inputs.first(where: { $0.input == textInput && !$0.isText }), !inputs.contains(where: { $0.input == typesInput }) {
      try checkSeparator(ids: UnsafeRawBufferPointer(start: block.at(ids.offset), count: ids.byteCount), rows: rows)
    }
    let bytes = inputs.reduce(0) { $0 + $1.byteCount }
    try checkSize(rows: rows, length: signature.isPadded ? length : 1, bytes: bytes)
    let group = isGrouped ? group(record, block) : 0

    // Extents go where they stay: with the request.
    extentOffsets.removeAll(keepingCapacity: true)
    for input in inputs { extentOffsets.append(hasOpenAxes[input.input] ? block.append(extents: input.shape) : -1) }
    let isSingle = inputs.count == 1
    let tableOffset = isSingle ? 0 : block.append(signature.inputs.count * MemoryLayout<RequestTensor>.stride)
    let memory = block.take()!
    func tensor(_ place: Int) -> RequestTensor {
      let input = inputs[place]
      func words(_ offset: Int) -> UnsafePointer<Int32> { UnsafePointer((memory + offset).assumingMemoryBound(to: Int32.self)) }
      return RequestTensor(
        data: UnsafeRawPointer(memory + input.offset), byteCount: input.byteCount, length: Int32(input.length), lengths: input.lengthsOffset.map(words),
        extents: extentOffsets[place] < 0 ? nil : words(extentOffsets[place]))
    }
    let planned = Int32(clamping: fixedLength ?? length)
    var request: Request
    if isSingle {
      request = Request(record: record, rows: Int32(rows), length: planned, input: inputs[0].input, tensor: tensor(0), replyFormat: replyFormat, block: memory)
    } else {
      let table = (memory + tableOffset).bindMemory(to: RequestTensor.self, capacity: signature.inputs.count)
      table.initialize(repeating: .absent, count: signature.inputs.count)
      for place in inputs.indices { table[inputs[place].input] = tensor(place) }
      request = Request(record: record, rows: Int32(rows), length: planned, byteCount: bytes, tensors: UnsafePointer(table), replyFormat: replyFormat, block: memory)
    }
    request.group = group
    return request
  }

  /// The rows of all inputs, and their length: the longest along the pad axis, or where nothing is padded what the open axes multiply
  /// to. Axes that share a name share the extent.
  private func commonExtents() throws(RecordFault) -> (rows: Int, length: Int) {
    var rows: Int?
    var length = 1
    for (place, input) in inputs.enumerated() {
      let spec = signature.inputs[input.input]
      if let count = input.rows {
        if let rows, rows != count { throw RecordFault(.wrongInput, expected: "\(rows) rows for \(spec.name), as for the inputs before", came: "\(count)") }
        rows = count
      }
      if signature.isPadded {
        if spec.padAxis != nil { length = max(length, input.length) }
      } else if spec.batchAxis != nil {
        length = max(length, spec.openAxes.reduce(1) { $0.multipliedClamping(by: input.shape[$1]) })
      }
      for other in inputs[..<place] { try checkSharedAxes(input, other) }
    }
    return (rows ?? 1, length)
  }

  private func checkSharedAxes(_ input: DecodedInput, _ other: DecodedInput) throws(RecordFault) {
    let spec = signature.inputs[input.input], otherSpec = signature.inputs[other.input]
    for axis in spec.shape.indices where axis != spec.batchAxis {
      guard case .symbolic = spec.shape[axis] else { continue }
      for otherAxis in otherSpec.shape.indices where otherAxis != otherSpec.batchAxis && otherSpec.shape[otherAxis] == spec.shape[axis] {
        guard input.shape[axis] == other.shape[otherAxis], input.lengthsOffset == other.lengthsOffset else {
          throw RecordFault(.wrongInput, expected: "extent \(other.shape[otherAxis]) along axis \(axis) of \(spec.name), as for \(otherSpec.name)", came: "\(input.shape[axis])")
        }
      }
    }
  }

  /// What requests that run together have to agree in: extents of open axes, and the values of inputs that all rows share. Hashed with
  /// a seed of this process, so that nobody can make requests that seem to agree; batches look themselves, too.
  private func group(_ record: Record, _ block: borrowing RequestBlock) -> UInt64 {
    var hasher = Hasher()
    for (index, spec) in signature.inputs.enumerated() {
      let input = inputs.first { $0.input == index }
      if spec.batchAxis == nil {
        guard let input else { continue }
        hasher.combine(index)
        hasher.combine(bytes: UnsafeRawBufferPointer(start: block.at(input.offset), count: input.byteCount))
      }
      guard let input else { continue }
      for axis in spec.openAxes { hasher.combine(input.shape[axis]) }
      // Rows that are not even of one length among themselves go with nobody.
      if input.lengthsOffset != nil, spec.padAxis == nil { hasher.combine(record.ticket) }
    }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  private func missing(_ index: Int) -> RecordFault {
    let names = requestInputs.map { signature.inputs[$0].name }.joined(separator: ", ")
    let came = inputs.map { signature.inputs[$0.input].name }.joined(separator: ", ")
    return RecordFault(.wrongInput, expected: "inputs \(names)", came: came.isEmpty ? "none" : came)
  }
}

extension RequestBlock {
  /// Puts extents, an Int32 each, behind what is there. - Returns: where they begin.
  mutating func append(extents shape: JSONShape) -> Int {
    let offset = append(shape.rank * MemoryLayout<Int32>.stride)
    for axis in 0..<shape.rank { (at(offset) + axis * 4).storeBytes(of: Int32(clamping: shape[axis]), as: Int32.self) }
    return offset
  }
}

extension Int {
  fileprivate func multipliedClamping(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow || product > Int(Int32.max) ? Int(Int32.max) : product
  }
}
