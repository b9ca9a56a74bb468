/// Turns records into requests. One per decode thread: it keeps scratch memory.
public final class RequestDecoder {
  public let signature: Signature
  public let text: (any TextEncoder)?
  public let options: DecodeOptions
  let modelName: String
  let modelVersion: String?

  /// The inputs whose source is `.request`, in the signature's order, as indices into `signature.inputs`.
  let requestInputs: [Int]
  /// The input that takes the ids of a text; `nil`: the model takes none.
  let textInput: Int?
  /// The input that takes the text each id belongs to, beside them; `nil`: there is none.
  let typesInput: Int?
  /// The input that says where each id of a text stands in it; `nil`: nobody asks.
  let placesInput: Int?
  /// What stands between the two texts of a pair, of models that score pairs and tell their texts apart by `typesInput`; `nil`: another.
  let separator: Int64?
  /// By input: whether it has axes of any extent beside rows and the padded one.
  let hasOpenAxes: [Bool]
  /// Requests do not all go together: see `Request.group`.
  let isGrouped: Bool
  let fixedLength: Int?
  /// See `Signature.rawOutput`.
  let rawOutput: Int?
  let raw: RawLayout
  /// A right request, to be shown to who sent a wrong one.
  let example: String

  /// Something about the last record that its sender may not have meant, though it was read; for the log.
  var notice: String?

  // Scratch, kept from record to record.
  var tokens = TokenSequence()
  var lengths: [Int32] = []
  var types: [Int64] = []
  var places: [TokenSequence.Place] = []
  let scratch = JSONScratch()
  let secondScratch = JSONScratch()
  var inputs: [DecodedInput] = []
  var extentOffsets: [Int] = []

  public init(signature: Signature, text: (any TextEncoder)?, options: DecodeOptions, modelName: String = "", modelVersion: String? = nil) {
    self.signature = signature
    self.text = text
    self.options = options
    self.modelName = modelName
    self.modelVersion = modelVersion
    requestInputs = signature.inputs.indices.filter { signature.inputs[$0].source == .request }
    textInput = text == nil ? nil : signature.idsInput.flatMap { signature.input(named: $0) }
    typesInput = textInput.flatMap { ids in
      signature.inputs.firstIndex { $0.source == .constant(0) && $0.shape.count == signature.inputs[ids].shape.count && $0.isTokenTypes }
    }
    placesInput = textInput.flatMap { ids in signature.inputs.firstIndex { $0.source == .places(of: signature.inputs[ids].name) } }
    separator = typesInput == nil || !signature.isScores ? nil : text?.separator
    hasOpenAxes = signature.inputs.map { !$0.openAxes.isEmpty }
    isGrouped = signature.inputs.contains { $0.batchAxis == nil || !$0.openAxes.isEmpty }
    fixedLength = signature.fixedLength
    rawOutput = signature.rawOutput
    raw = RawLayout(signature, requestInputs)
    example = ExampleRequest(signature, takesText: textInput != nil).short
    tokens.wantsPlaces = placesInput != nil
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
  /// - `application/json`, json: a request of the Open Inference Protocol, or a shorter form, see `decodeJSON`.
  /// - `text/plain`, text: the whole value is one UTF-8 text, one row.
  ///
  /// A null value is `options.nullValue`'s, whatever the headers say.
  public func decode(_ record: Record) throws(RecordFault) -> Decoded {
    if record.isNull {
      if options.nullValue == .skip { return .skip }
      throw RecordFault(.nullValue, expected: "a value", came: "a null value (a tombstone)")
    }
    var format = options.format, isGiven = false
    var replyFormat = options.replyFormat
    if !record.headers.isEmpty {
      if let header = record.headers.last(.contentType), !header.isEmpty {
        format = try MediaType.format(header, of: record.value)
        isGiven = true
      }
      if let header = record.headers.last(.accept), !header.isEmpty {
        guard let named = MediaType.replyFormat(header, fallback: replyFormat) else {
          throw RecordFault(.unsupported, expected: "accept application/json or application/octet-stream", came: excerpt(header))
        }
        replyFormat = named
      }
    }
    var request: Request
    notice = nil
    if replyFormat == .raw, format != .json, rawOutput == nil { throw severalOutputs }
    switch format {
    case .raw: request = try decodeRaw(record, replyFormat)
    case .json: request = try decodeJSON(record, replyFormat)
    case .text: request = isGiven ? try decodeText(record, replyFormat) : try decodeUnlabelled(record, replyFormat)
    }
    guard request.replyFormat == .raw, request.outputs.baseAddress == nil ? rawOutput == nil : request.outputs.count > 1 else { return .request(request) }
    request.release()
    throw severalOutputs
  }

  private var severalOutputs: RecordFault {
    RecordFault(
      .unsupported, expected: "accept application/json, since the model has \(signature.outputs.count) outputs, or one of them asked for in \"outputs\"", came: "application/octet-stream")
  }

  /// Refuses a request that no run could hold. The extents are untrusted.
  /// - Parameter length: along the pad axis; 1 where nothing is padded.
  @inline(__always) func checkSize(rows: Int, length: Int, bytes: Int) throws(RecordFault) {
    if rows > Int(Int32.max) || length > signature.maxLength ?? Int(Int32.max) || bytes > options.maxBytes { throw tooLarge(rows, length, bytes) }
  }

  @inline(never) private func tooLarge(_ rows: Int, _ length: Int, _ bytes: Int) -> RecordFault {
    if rows > Int(Int32.max) { return RecordFault(.tooLarge, expected: "at most \(Int32.max) rows", came: "\(rows)") }
    if let most = signature.maxLength, length > most { return RecordFault(.tooLarge, expected: "rows of at most \(most) elements (models.maxLength)", came: "\(length)") }
    return RecordFault(.tooLarge, expected: "at most \(options.maxBytes) bytes of rows (models.batch.maxBytes)", came: "\(bytes)")
  }
}

extension Signature {
  /// All that comes out are some numbers a row.
  fileprivate var isScores: Bool {
    outputs.allSatisfy { spec in
      if spec.isDerived { return true }
      guard spec.batchAxis == 0, spec.shape.count <= 2 else { return false }
      if spec.shape.count == 2, case .fixed(let extent) = spec.shape[1] { return extent <= 16 }
      return spec.shape.count == 1
    }
  }
}

extension TextEncoder {
  /// What pairs of texts are kept apart by: what ends a text; `nil`: they are not taken, or nothing does.
  fileprivate var separator: Int64? {
    guard takesPairs else { return nil }
    var tokens = TokenSequence()
    try? encode(UnsafeRawBufferPointer(start: nil, count: 0), pair: nil, into: &tokens)
    return tokens.ids.last
  }
}

extension TensorSpec {
  /// Whether it says of each id of a text which of two texts it belongs to.
  fileprivate var isTokenTypes: Bool { (name.contains("token_type") || name.contains("segment")) && (type == .int64 || type == .int32) }
}
