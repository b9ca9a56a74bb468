import Glibc

/// One made-up request on its whole way: decoded as the configuration has it, run, split, encoded. What cannot answer one request
/// will not answer any, and is better found before there are records to fail.
public struct StartTrial: Sendable {
  /// A request that was answered, as JSON; data of many elements are left out.
  public let example: String
  /// Why records of the configured format are not read; `nil`: they are.
  public let unread: String?

  /// - Throws: `StartRefused` where no request of any format was answered.
  public init(_ model: any Model, _ configuration: WorkerConfiguration) throws {
    let options = configuration.decodeOptions, signature = model.signature
    let request = ExampleRequest(signature, takesText: model.text != nil)
    example = request.shown
    var first: (any Error)?, isRead = false
    var formats = [options.format]
    if options.format != .json { formats.append(.json) }
    for format in formats {
      do {
        try StartTrial.answer(model, options, format, StartTrial.value(format, signature, request))
        unread = first.map { "\($0)" }
        return
      } catch {
        if error is ModelLost || error is ModelUnavailable { throw error }
        if first == nil { first = error }
        isRead = isRead || !(error is RecordFault)
      }
    }
    throw StartRefused(format: options.format, reason: "\(first!)", isRead: isRead)
  }

  private static func value(_ format: DecodeOptions.Format, _ signature: Signature, _ request: ExampleRequest) -> [UInt8] {
    switch format {
    case .json: return Array(request.whole.utf8)
    case .text: return Array("a text".utf8)
    case .raw:
      var rows = RowMaker(signature)
      let row = rows.row(length: min(4, signature.maxLength ?? 4, signature.fixedLength ?? 4))
      return signature.inputs.indices.lazy.filter { signature.inputs[$0].source == .request }.flatMap { Array(row.request.tensor($0).bytes) }
    }
  }

  private static func answer(_ model: any Model, _ options: DecodeOptions, _ format: DecodeOptions.Format, _ value: [UInt8]) throws {
    var options = options
    options.format = format
    let decoder = RequestDecoder(signature: model.signature, text: model.text, options: options, modelName: model.name, modelVersion: model.version)
    let runner = try LocalRunner(model)
    try value.withUnsafeBytes { bytes in
      let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
      let record = Record(ticket: Ticket(bits: 0), topic: 0, partition: 0, offset: 0, timestamp: -1, arrival: 0, key: nothing, value: bytes, headers: .none)
      guard case .request(let request) = try decoder.decode(record) else { return }
      defer { request.release() }
      _ = try runner.run([request][...], within: .none)
      if case .failed(let reason) = runner.reply(0) { throw BatchFault("the model failed it: \(reason)") }
    }
  }
}

/// Thrown where no request can be answered.
public struct StartRefused: Error, CustomStringConvertible {
  public let format: DecodeOptions.Format
  public let reason: String
  /// It could be read, and the model did not take it.
  public let isRead: Bool

  public var description: String { "a made-up request of \(format.rawValue) was not answered: \(reason)" }
}
