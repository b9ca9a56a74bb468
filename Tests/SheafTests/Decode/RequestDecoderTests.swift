import Testing

@testable import Sheaf

@Suite struct RequestDecoderTests {
  let floats = RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .raw))

  @Test func rawPointsIntoTheRecord() throws {
    let value = [Float](arrayLiteral: 1, 2, 3, 4, 5, 6).withUnsafeBytes(Array.init)
    let request = try #require(try floats.decoded(value))
    #expect(request == PlainRequest(rows: 2, length: 1, replyFormat: .json, id: nil, tensors: [value], lengths: [nil], isInPlace: true))
  }

  @Test(arguments: [0, 1, 11, 13, 18]) func rawOfAWrongSizeIsRefused(count: Int) {
    let fault = floats.fault([UInt8](repeating: 0, count: count))
    #expect(fault == RecordFault(.wrongInput, expected: "a multiple of 12 bytes of FP32", came: "\(count) bytes"))
  }

  @Test func rawWithAPadAxisIsOneRow() throws {
    let spec = TensorSpec("audio", .int16, [.symbolic("batch"), .symbolic("samples"), .fixed(2)], padAxis: 1)
    let decoder = RequestDecoder(signature: Signature(inputs: [spec], outputs: [], maxLength: 3), text: nil, options: DecodeOptions(format: .raw))
    let request = try #require(try decoder.decoded([UInt8](repeating: 7, count: 12)))
    #expect(request.rows == 1 && request.length == 3)
    #expect(decoder.fault([UInt8](repeating: 7, count: 6))?.code == .wrongInput)
    #expect(decoder.fault([UInt8](repeating: 7, count: 16))?.code == .tooLarge)
  }

  @Test func rawBooleansAreZeroOrOne() throws {
    let decoder = RequestDecoder(signature: Signatures.rows(.bool, [2]), text: nil, options: DecodeOptions(format: .raw))
    #expect(try decoder.decoded([0, 1])?.rows == 1)
    #expect(decoder.fault([0, 2]) == RecordFault(.outOfRange, expected: "bytes of 0 or 1", came: "2 at byte 1"))
  }

  @Test func rawForSeveralInputsIsRefused() {
    let decoder = RequestDecoder(signature: Signatures.two, text: nil, options: DecodeOptions(format: .raw))
    let fault = decoder.fault([0, 0, 0, 0])
    #expect(fault?.code == .unsupported)
    #expect(fault?.expected.contains("application/json") == true)
  }

  @Test func nullIsAFaultOrSkipped() throws {
    #expect(floats.fault(nil)?.code == .nullValue)
    let skipping = RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .json, nullValue: .skip))
    #expect(try skipping.decoded(nil, headers: ["content-type": "image/png"]) == nil)
    #expect(skipping.fault([])?.code == .malformed)
  }

  @Test(arguments: [
    "application/json", "Application/JSON; charset=utf-8", " application/json ;x", "application/json;",
  ]) func contentTypeChoosesTheFormat(header: String) throws {
    let json = Array(#"{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}"#.utf8)
    let request = try #require(try floats.decoded(json, headers: ["content-type": header]))
    #expect(request.elements(0, as: Float.self) == [1, 2, 3])
  }

  @Test(arguments: ["image/png", "application/jsonx", "json", ";", "text/html"]) func otherContentTypesAreRefused(header: String) {
    let fault = floats.fault([], headers: ["content-type": header])
    #expect(fault?.code == .unsupported)
    #expect(fault?.came == header)
  }

  @Test func anEmptyContentTypeIsNone() throws {
    #expect(try floats.decoded([UInt8](repeating: 0, count: 12), headers: ["content-type": ""])?.rows == 1)
  }

  @Test func textForAModelWithoutTextIsRefused() {
    #expect(floats.fault([65], headers: ["content-type": "text/plain"])?.code == .unsupported)
  }

  @Test(arguments: [
    ("application/json", ReplyFormat.json), ("application/octet-stream;q=1", .raw), ("*/*", .json), ("text/html, */*;q=0.1", .json),
    ("text/csv,APPLICATION/OCTET-STREAM", .raw), ("application/*", .json), ("", .json),
  ]) func acceptChoosesTheReply(header: String, format: ReplyFormat) throws {
    let request = try floats.decoded([UInt8](repeating: 0, count: 12), headers: ["accept": header])
    #expect(request?.replyFormat == format)
  }

  @Test func acceptThatCannotBeMetIsRefused() {
    let row = [UInt8](repeating: 0, count: 12)
    #expect(floats.fault(row, headers: ["accept": "text/html"])?.code == .unsupported)
    let two = RequestDecoder(signature: Signatures.two, text: nil, options: DecodeOptions(format: .json))
    let json = Array(#"{"inputs":{"a":[[0.5]],"b":[[1,2]]}}"#.utf8)
    let fault = two.fault(json, headers: ["accept": "application/octet-stream"])
    #expect(fault?.code == .unsupported)
    #expect(fault?.expected.contains("2 outputs") == true)
  }

  @Test func limitsRefuseWhatNoBatchHolds() {
    let bytes = RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .raw, maxBytes: 35))
    #expect(bytes.fault([UInt8](repeating: 0, count: 36))?.code == .tooLarge)
    #expect(bytes.fault([UInt8](repeating: 0, count: 24)) == nil)
  }
}
