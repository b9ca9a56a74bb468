/// How a raw value is cut into rows, worked out once.
struct RawLayout {
  private enum Kind {
    /// Rows of so many bytes, at least 1.
    case rows(Int)
    /// One row whose length along the open or padded axis is counted in so many bytes, at least 1; more only of the length that the
    /// model was exported with.
    case length(Int, axis: Int)
    /// Strings: rows of so many.
    case strings(Int)
    /// No raw values for this model; what to send instead.
    case none(String)
  }
  private let kind: Kind
  private let spec: TensorSpec
  /// The input's index in the signature.
  let input: Int

  init(_ signature: Signature, _ requestInputs: [Int]) {
    input = requestInputs.first ?? 0
    guard requestInputs.count == 1 else {
      kind = .none("application/json, since the model takes \(requestInputs.count) inputs")
      spec = TensorSpec("", .uint8, [])
      return
    }
    spec = signature.inputs[input]
    let spec = spec
    func product(without axes: [Int?]) -> Int {
      spec.shape.indices.reduce(1) { product, axis in
        if !axes.contains(axis), case .fixed(let extent) = spec.shape[axis] { product * extent } else { product }
      }
    }
    let free = spec.openAxes + [spec.padAxis].compactMap(\.self)
    if free.count > 1 {
      kind = .none("a header sheaf_shape with the tensor's extents, such as 1,3,224,224 (or application/json), since \(free.count) axes of \(spec.name) may have any extent")
    } else if spec.type == .bytes {
      kind = free.isEmpty && spec.batchAxis == 0 ? .strings(product(without: [spec.batchAxis])) : .none("application/json, since strings of \(spec.name) have lengths of their own")
    } else if let axis = free.first {
      let bytes = product(without: [spec.batchAxis, axis]) * spec.type.size
      kind = bytes > 0 ? .length(bytes, axis: axis) : .none("application/json, since the model's input has no elements")
    } else {
      let bytes = product(without: [spec.batchAxis]) * spec.type.size
      kind = bytes > 0 ? .rows(bytes) : .none("application/json, since the model's input has no elements")
    }
  }

  /// What a raw value holds.
  struct Extent {
    var rows: Int
    /// Along the pad axis; where nothing is padded, what the open axes multiply to.
    var length: Int
    /// Of every axis, where some may have any extent beside rows and the padded one.
    var shape: JSONShape?
  }

  /// What a raw value without a shape holds; a model whose rows have lengths gets one row.
  @inline(__always) func extent(of value: UnsafeRawBufferPointer) throws(RecordFault) -> Extent {
    if spec.type == .bool { try checkBools(value) }
    switch kind {
    case .rows(let size):
      let rows = value.count / size
      guard rows > 0, rows * size == value.count, rows == 1 || spec.batchAxis == 0 else {
        throw wrongSize(spec.batchAxis == 0 ? "a multiple of \(size)" : "\(size)", value.count)
      }
      return Extent(rows: rows, length: 1)
    case .length(let size, let axis):
      let length = value.count / size
      guard length > 0, length * size == value.count else { throw wrongSize("a multiple of \(size)", value.count) }
      if axis == spec.padAxis, case .fixed(let most) = spec.shape[axis], length > most {
        guard length % most == 0, spec.batchAxis == 0 else { throw wrongSize("\(most * size) or fewer, or a multiple of that,", value.count) }
        return Extent(rows: length / most, length: most)
      }
      return Extent(rows: 1, length: length, shape: axis == spec.padAxis ? nil : shape(length, axis))
    case .strings(let perRow): return try strings(value, perRow)
    case .none(let instead): throw RecordFault(.unsupported, expected: instead, came: "a raw tensor")
    }
  }

  /// What a raw value of this shape holds. - Parameter text: extents in decimal digits, with commas between them.
  func extent(of value: UnsafeRawBufferPointer, shape text: UnsafeRawBufferPointer) throws(RecordFault) -> Extent {
    if case .none(let instead) = kind, spec.name.isEmpty { throw RecordFault(.unsupported, expected: instead, came: "a raw tensor") }
    guard let shape = JSONShape(decimal: text) else {
      throw RecordFault(.malformed, expected: "sheaf_shape as extents with commas between them, such as 1,3,224,224", came: "\"\(excerpt(text))\"")
    }
    if spec.type == .bool { try checkBools(value) }
    let (rows, length) = try spec.extents(of: shape)
    guard let count = shape.elementCount, spec.type == .bytes ? BytesElements.isWhole(value, count: count) : value.count == count.multipliedReportingOverflow(by: spec.type.size).partialValue else {
      throw RecordFault(.wrongInput, expected: "a raw \(spec.type.rawValue) tensor of shape \(shape.description)", came: "\(value.count) bytes")
    }
    let open = spec.openAxes
    return Extent(rows: rows ?? 1, length: spec.padAxis != nil ? length : open.reduce(1) { min(Int(Int32.max), $0 * min(shape[$1], Int(Int32.max))) }, shape: open.isEmpty ? nil : shape)
  }

  private func shape(_ length: Int, _ axis: Int) -> JSONShape {
    var shape = JSONShape()
    for place in spec.shape.indices {
      if place == axis { shape.append(length) } else if place != spec.batchAxis, case .fixed(let extent) = spec.shape[place] { shape.append(extent) } else { shape.append(1) }
    }
    return shape
  }

  @inline(never) private func strings(_ value: UnsafeRawBufferPointer, _ perRow: Int) throws(RecordFault) -> Extent {
    var elements = BytesElements(value), count = 0
    while elements.next() != nil { count += 1 }
    guard elements.position == value.count, perRow > 0, count > 0, count % perRow == 0 else {
      throw RecordFault(
        .wrongInput, expected: "strings, each after its length in four bytes, little-endian, and a multiple of \(perRow) of them", came: "\(count) in \(elements.position) of \(value.count) bytes")
    }
    return Extent(rows: count / perRow, length: 1)
  }

  @inline(never) private func wrongSize(_ expected: String, _ count: Int) -> RecordFault {
    RecordFault(.wrongInput, expected: "\(expected) bytes of \(spec.type.rawValue)", came: "\(count) bytes")
  }

  @inline(never) private func checkBools(_ value: UnsafeRawBufferPointer) throws(RecordFault) {
    for (position, byte) in value.enumerated() where byte > 1 {
      throw RecordFault(.outOfRange, expected: "bytes of 0 or 1", came: "\(byte) at byte \(position)")
    }
  }
}

extension RequestDecoder {
  func decodeRaw(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    let header = record.headers.isEmpty ? nil : record.headers.last(.shape)
    let extent = if let header, !header.isEmpty { try raw.extent(of: record.value, shape: header) } else { try raw.extent(of: record.value) }
    try checkSize(rows: extent.rows, length: signature.isPadded ? extent.length : 1, bytes: record.value.count)
    if raw.input == textInput { try checkSeparator(ids: record.value, rows: extent.rows) }
    var tensor = RequestTensor(data: record.value.baseAddress!, byteCount: record.value.count, length: Int32(signature.isPadded ? extent.length : 1))
    guard let shape = extent.shape else {
      return Request(record: record, rows: Int32(extent.rows), length: Int32(fixedLength ?? extent.length), input: raw.input, tensor: tensor, replyFormat: replyFormat)
    }
    // Its extents have to lie somewhere.
    var block = RequestBlock()
    let offset = block.append(extents: shape)
    var hasher = Hasher()
    for axis in signature.inputs[raw.input].openAxes { hasher.combine(shape[axis]) }
    let memory = block.take()!
    tensor.extents = UnsafePointer((memory + offset).assumingMemoryBound(to: Int32.self))
    var request = Request(
      record: record, rows: Int32(extent.rows), length: Int32(extent.length), input: raw.input, tensor: tensor, replyFormat: replyFormat, block: memory)
    request.group = UInt64(bitPattern: Int64(hasher.finalize()))
    return request
  }
}
