/// Writes replies. One per lane: it keeps the buffer that the last reply was written to.
public final class ReplyEncoder {
  public let signature: Signature
  public let modelName: String

  private let rawOutput: Int?
  private var out = JSONWriter()
  /// `{"name":…,"datatype":…,"shape":[` of each output.
  private let heads: [[UInt8]]
  /// `,"parameters":{"labels":[…]}` of each output; empty where its elements have no names.
  private let labels: [[UInt8]]
  /// `{"model_name":…`
  private let start: [UInt8]

  /// - Parameter version: the model's; `nil`: not told.
  public init(signature: Signature, modelName: String, version: String? = nil) {
    self.signature = signature
    self.modelName = modelName
    start = Self.written { out in
      out.write("{\"model_name\":")
      out.write(string: modelName)
      if let version {
        out.write(",\"model_version\":")
        out.write(string: version)
      }
    }
    rawOutput = signature.rawOutput
    heads = signature.outputs.map { spec in
      Self.written { out in
        out.write("{\"name\":")
        out.write(string: spec.name)
        out.write(",\"datatype\":")
        out.write(string: spec.type.rawValue)
        out.write(",\"shape\":[")
      }
    }
    labels = signature.outputs.map { spec in
      spec.labels.isEmpty ? [] : Self.written { out in
        out.write(",\"parameters\":{\"labels\":[")
        for (place, label) in spec.labels.enumerated() {
          if place > 0 { out.write(",") }
          out.write(string: label)
        }
        out.write("]}")
      }
    }
  }

  private static func written(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var out = JSONWriter()
    body(&out)
    return Array(out.bytes)
  }

  /// The reply to `request` from its rows of the outputs, in the request's reply format; valid until the next call.
  ///
  /// - json: `{"model_name":…,"id":…,"outputs":[{"name":…,"datatype":…,"shape":[rows,…],"data":[…]}]}`, data flat. Floats are as
  ///   short as reads back the same; NaN and infinities, which JSON has not, are null. Where rows of unlike length share an output,
  ///   `lengths` says how much of it is each row's.
  /// - raw: the memory of the output that is asked for itself, or else of the model's only one, not a copy. - Precondition: it is one
  ///   (decoders refuse raw replies else).
  public func encode(_ request: Request, _ outputs: UnsafeBufferPointer<OutputSlice>) -> UnsafeRawBufferPointer {
    if request.replyFormat == .raw {
      let isChosen = request.outputs.baseAddress != nil
      guard let output = isChosen ? request.outputs.count == 1 ? Int(request.outputs[0]) : nil : rawOutput else { preconditionFailure("a raw reply of several outputs") }
      return outputs[output].bytes
    }
    writeReply(request, outputs, &out)
    return out.bytes
  }

  /// The error reply to `record` of `topic`: always JSON; valid until the next call.
  ///
  ///     {"error":"requests, partition 3, offset 14: expected an integer, came 1.5 at byte 60","code":"out-of-range",
  ///      "topic":"requests","partition":3,"offset":14,"expected":"an integer","came":"1.5 at byte 60"}
  public func encode(_ fault: RecordFault, _ record: Record, topic: String) -> UnsafeRawBufferPointer {
    out.clear()
    out.write("{\"error\":")
    out.write(string: "\(topic), partition \(record.partition), offset \(record.offset): expected \(fault.expected), came \(fault.came)")
    out.write(",\"code\":")
    out.write(string: fault.code.rawValue)
    out.write(",\"topic\":")
    out.write(string: topic)
    out.write(",\"partition\":")
    out.write(record.partition)
    out.write(",\"offset\":")
    out.write(record.offset)
    out.write(",\"expected\":")
    out.write(string: fault.expected)
    out.write(",\"came\":")
    out.write(string: fault.came)
    out.write("}")
    return out.bytes
  }

  private func writeReply(_ request: Request, _ outputs: UnsafeBufferPointer<OutputSlice>, _ out: inout JSONWriter) {
    out.clear()
    start.withUnsafeBytes { out.write($0) }
    if request.id.baseAddress != nil {
      out.write(",\"id\":\"")
      out.write(request.id)  // As it stood in the request's JSON, escapes and all.
      out.write("\"")
    }
    out.write(",\"outputs\":[")
    let isChosen = request.outputs.baseAddress != nil
    for place in 0..<(isChosen ? request.outputs.count : outputs.count) {
      if place > 0 { out.write(",") }
      write(outputs[isChosen ? Int(request.outputs[place]) : place], &out)
    }
    if let lengths = unlikeLengths(request) { write(lengths: lengths, rows: Int(request.rows), &out) }
    out.write("]}")
  }

  private func write(_ slice: OutputSlice, _ out: inout JSONWriter) {
    heads[slice.output].withUnsafeBytes { out.write($0) }
    for (axis, extent) in slice.shape.enumerated() {
      if axis > 0 { out.write(",") }
      out.write(extent)
    }
    out.write("]")
    if !labels[slice.output].isEmpty { labels[slice.output].withUnsafeBytes { out.write($0) } }
    out.write(",\"data\":[")
    out.write(slice.data, slice.byteCount, signature.outputs[slice.output].type)
    out.write("]}")
  }

  /// How long the rows of a request are, where they differ and an output has an element for each of theirs; else `nil`.
  private func unlikeLengths(_ request: Request) -> UnsafePointer<Int32>? {
    guard request.rows > 1, signature.outputs.contains(where: { $0.padAxis != nil && $0.batchAxis != nil }), !signature.outputs.contains(where: { $0.name == "lengths" }) else { return nil }
    return signature.inputs.indices.lazy.compactMap { request.tensor($0).lengths }.first
  }

  private func write(lengths: UnsafePointer<Int32>, rows: Int, _ out: inout JSONWriter) {
    out.write(",{\"name\":\"lengths\",\"datatype\":\"INT64\",\"shape\":[")
    out.write(rows)
    out.write("],\"data\":[")
    for row in 0..<rows {
      if row > 0 { out.write(",") }
      out.write(lengths[row])
    }
    out.write("]}")
  }
}

extension JSONWriter {
  /// The elements of a tensor, with commas between them.
  mutating func write(_ data: UnsafeRawPointer, _ byteCount: Int, _ type: ElementType) {
    switch type {
    case .bool: list(data, byteCount, UInt8.self) { $0.write($1 == 0 ? "false" : "true") }
    case .uint8: list(data, byteCount, UInt8.self) { $0.write($1) }
    case .uint16: list(data, byteCount, UInt16.self) { $0.write($1) }
    case .uint32: list(data, byteCount, UInt32.self) { $0.write($1) }
    case .uint64: list(data, byteCount, UInt64.self) { $0.write($1) }
    case .int8: list(data, byteCount, Int8.self) { $0.write($1) }
    case .int16: list(data, byteCount, Int16.self) { $0.write($1) }
    case .int32: list(data, byteCount, Int32.self) { $0.write($1) }
    case .int64: list(data, byteCount, Int64.self) { $0.write($1) }
    case .float16: list(data, byteCount, Float16.self) { $0.write($1) }
    case .float32: list(data, byteCount, Float.self) { $0.write($1) }
    case .float64: list(data, byteCount, Double.self) { $0.write($1) }
    case .bytes:
      var isFirst = true
      for element in BytesElements(UnsafeRawBufferPointer(start: data, count: byteCount)) {
        if !isFirst { write(byte: UInt8(ascii: ",")) }
        isFirst = false
        write(string: String(decoding: element, as: UTF8.self))
      }
    }
  }

  @inline(__always) private mutating func list<T: BitwiseCopyable>(
    _ data: UnsafeRawPointer, _ byteCount: Int, _: T.Type, _ element: (inout JSONWriter, T) -> Void
  ) {
    let size = MemoryLayout<T>.size
    for offset in stride(from: 0, to: byteCount, by: size) {
      if offset > 0 { write(byte: UInt8(ascii: ",")) }
      // A row of a batch tensor need not be aligned for its type.
      element(&self, data.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
  }
}
