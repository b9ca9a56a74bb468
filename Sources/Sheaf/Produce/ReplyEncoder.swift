/// Writes replies. One per lane: it keeps the buffer that the last reply was written to.
public final class ReplyEncoder {
  public let signature: Signature
  public let modelName: String

  private var out = JSONWriter()
  /// `{"name":…,"datatype":…,"shape":[` of each output.
  private let heads: [[UInt8]]
  /// `{"model_name":…`
  private let start: [UInt8]

  public init(signature: Signature, modelName: String) {
    self.signature = signature
    self.modelName = modelName
    start = Self.written { out in
      out.write("{\"model_name\":")
      out.write(string: modelName)
    }
    heads = signature.outputs.map { spec in
      Self.written { out in
        out.write("{\"name\":")
        out.write(string: spec.name)
        out.write(",\"datatype\":")
        out.write(string: spec.type.rawValue)
        out.write(",\"shape\":[")
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
  ///   short as reads back the same; NaN and infinities, which JSON has not, are null.
  /// - raw: the memory of the only output itself, not a copy. - Precondition: there is one (decoders refuse raw replies else).
  public func encode(_ request: Request, _ outputs: UnsafeBufferPointer<OutputSlice>) -> UnsafeRawBufferPointer {
    if request.replyFormat == .raw {
      precondition(outputs.count == 1, "a raw reply of \(outputs.count) outputs")
      return UnsafeRawBufferPointer(start: outputs[0].data, count: outputs[0].byteCount)
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
    for (place, slice) in outputs.enumerated() {
      if place > 0 { out.write(",") }
      heads[slice.output].withUnsafeBytes { out.write($0) }
      out.write(slice.rows)
      for extent in slice.tail {
        out.write(",")
        out.write(extent)
      }
      out.write("],\"data\":[")
      out.write(slice.data, slice.byteCount, signature.outputs[slice.output].type)
      out.write("]}")
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
