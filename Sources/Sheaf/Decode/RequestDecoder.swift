/// Turns records into requests. One per decode thread: it keeps scratch memory.
public final class RequestDecoder {
  public let signature: Signature
  public let text: (any TextEncoder)?
  public let options: DecodeOptions

  /// The inputs whose source is `.request`, in the signature's order, as indices into `signature.inputs`.
  let requestInputs: [Int]
  /// The input that takes the ids of a text: the first of the request's with a pad axis and integers of 32 or 64 bits.
  let textInput: Int?
  private let raw: RawLayout

  // Scratch, kept from record to record.
  var tokens = TokenSequence()
  var lengths: [Int32] = []
  let scratch = JSONScratch()
  var inputs: [DecodedInput] = []

  public init(signature: Signature, text: (any TextEncoder)?, options: DecodeOptions) {
    self.signature = signature
    self.text = text
    self.options = options
    let requestInputs = signature.inputs.indices.filter { signature.inputs[$0].source == .request }
    self.requestInputs = requestInputs
    textInput =
      text == nil
      ? nil
      : requestInputs.first {
        signature.inputs[$0].padAxis != nil && (signature.inputs[$0].type == .int64 || signature.inputs[$0].type == .int32)
      }
    raw = RawLayout(signature, requestInputs)
  }

  /// What a record turned out to be.
  public enum Decoded {
    case request(Request)
    /// A null value, and `nullValue` is `skip`.
    case skip
  }

  /// Reads one record, by its content-type header, else by `options.format`:
  /// - `application/octet-stream`, raw: the little-endian elements of the model's only request input, rows one after another. The
  ///   request points into the record; nothing is allocated.
  /// - `application/json`, json: a request of the Open Inference Protocol, see `decodeJSON`.
  /// - `text/plain`, text: the whole value is one UTF-8 text, one row.
  ///
  /// A null value is `options.nullValue`'s, whatever the headers say.
  public func decode(_ record: Record) throws(RecordFault) -> Decoded {
    if record.isNull {
      if options.nullValue == .skip { return .skip }
      throw RecordFault(.nullValue, expected: "a value", came: "a null value (a tombstone)")
    }
    var format = options.format
    var replyFormat = options.replyFormat
    if !record.headers.isEmpty {
      if let header = record.headers.last(.contentType), !header.isEmpty {
        guard let named = MediaType.format(header) else {
          throw RecordFault(.unsupported, expected: "content-type application/json, text/plain or application/octet-stream", came: excerpt(header))
        }
        format = named
      }
      if let header = record.headers.last(.accept), !header.isEmpty {
        guard let named = MediaType.replyFormat(header, fallback: replyFormat) else {
          throw RecordFault(.unsupported, expected: "accept application/json or application/octet-stream", came: excerpt(header))
        }
        replyFormat = named
      }
    }
    if replyFormat == .raw, signature.outputs.count > 1 {
      throw RecordFault(.unsupported, expected: "accept application/json, since the model has \(signature.outputs.count) outputs", came: "application/octet-stream")
    }
    switch format {
    case .raw: return .request(try decodeRaw(record, replyFormat))
    case .json: return .request(try decodeJSON(record, replyFormat))
    case .text: return .request(try decodeText(record, replyFormat))
    }
  }

  @inline(__always) private func decodeRaw(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    let (rows, length) = try raw.extent(of: record.value)
    try checkSize(rows: rows, length: length, bytes: record.value.count)
    let tensor = RequestTensor(data: record.value.baseAddress!, byteCount: record.value.count, length: Int32(length))
    return Request(record: record, rows: Int32(rows), length: Int32(length), tensor: tensor, replyFormat: replyFormat)
  }

  /// Refuses a request that no batch could hold. The extents are untrusted, their product may be anything.
  @inline(__always) func checkSize(rows: Int, length: Int, bytes: Int) throws(RecordFault) {
    if rows > options.maxRows || rows > Int(Int32.max) {
      throw RecordFault(.tooLarge, expected: "at most \(min(options.maxRows, Int(Int32.max))) rows", came: "\(rows)")
    }
    if length > signature.maxLength ?? Int(Int32.max) {
      throw RecordFault(.tooLarge, expected: "rows of at most \(signature.maxLength ?? Int(Int32.max)) elements", came: "\(length)")
    }
    // Both fit 31 bits.
    if rows * length > options.maxTokens {
      throw RecordFault(.tooLarge, expected: "at most \(options.maxTokens) tokens, rows × longest", came: "\(rows) × \(length)")
    }
    if bytes > options.maxBytes {
      throw RecordFault(.tooLarge, expected: "at most \(options.maxBytes) bytes of rows", came: "\(bytes)")
    }
  }
}
