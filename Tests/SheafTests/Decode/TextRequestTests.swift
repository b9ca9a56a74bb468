import Testing

@testable import Sheaf

@Suite struct TextRequestTests {
  let decoder = RequestDecoder(signature: Signatures.text, text: ByteEncoder(), options: DecodeOptions(format: .text, maxBytes: 320), modelName: "mine")

  private func json(_ text: String) throws -> PlainRequest {
    try #require(try decoder.decoded(Array(text.utf8), headers: ["content-type": "application/json"]))
  }

  private func fault(_ text: String) -> RecordFault? { decoder.fault(Array(text.utf8), headers: ["content-type": "application/json"]) }

  @Test(arguments: ["", "ab", "a longer text than sixteen bytes"]) func aTextIsOneRow(text: String) throws {
    let request = try #require(try decoder.decoded(Array(text.utf8)))
    let ids = [101] + text.utf8.prefix(14).map { Int64($0) } + [102]
    #expect(request.rows == 1 && request.length == ids.count && request.lengths == [nil])
    #expect(request.elements(0, as: Int64.self) == ids)
  }

  @Test func textHasToBeUTF8() {
    #expect(decoder.fault([65, 0xFF])?.code == .malformed)
  }

  @Test(arguments: [
    #"{"texts":["a","bcd",""]}"#,
    #"{"inputs":[{"name":"text","shape":[3],"datatype":"BYTES","data":["a","bcd",""]}]}"#,
    #"{"inputs":[{"data":[["a"],["\u0062cd"],[""]],"name":"anything","shape":[3,1],"datatype":"BYTES"}]}"#,
  ]) func textsAreRowsOfTheirOwnLength(text: String) throws {
    let request = try json(text)
    #expect(request.rows == 3 && request.length == 5 && request.lengths == [[3, 5, 2]])
    #expect(request.elements(0, as: Int64.self) == [101, 97, 102, 101, 98, 99, 100, 102, 101, 102])
  }

  @Test func textsOfOneLengthNeedNoLengths() throws {
    let request = try json(#"{"texts":["ab","cd"],"id":"7"}"#)
    #expect(request.rows == 2 && request.length == 4 && request.lengths == [nil] && request.id == "7")
    #expect(try json(#"{"text":"ab"}"#).rows == 1)
  }

  @Test func escapesAreRead() throws {
    let ids = try json(#"{"text":"\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00"}"#).elements(0, as: Int64.self)
    #expect(ids == [101] + "\"\\/\u{8}\u{c}\n\r\té😀".utf8.map { Int64($0) } + [102])
    #expect(try json(#"{"text":"\u0000"}"#).elements(0, as: Int64.self) == [101, 0, 102])
  }

  @Test(arguments: [#"\ud83d"#, #"\ude00"#, #"\ud83d\ud83d"#, #"\ud83dx"#, #"\ud83d\n"#]) func halfAPairIsRefused(text: String) {
    #expect(fault("{\"text\":\"\(text)\"}")?.expected.hasPrefix("a surrogate pair") == true)
  }

  @Test func idsMayComeAsTheyAre() throws {
    let mask = #"{"name":"attention_mask","shape":[2,3],"datatype":"INT64","data":[1,1,1,1,1,1]}"#
    let types = #"{"name":"token_type_ids","shape":[2,3],"datatype":"INT64","data":[0,0,0,0,0,0]}"#
    let ids = #"{"name":"input_ids","shape":[2,3],"datatype":"INT64","data":[[1,2,3],[4,5,6]]}"#
    for inputs in [ids, "\(mask),\(ids)", "\(types),\(mask),\(ids)"] {
      let request = try json("{\"inputs\":[\(inputs)]}")
      #expect(request.rows == 2 && request.length == 3)
      #expect(request.tensors.count == 1 && request.elements(0, as: Int64.self) == [1, 2, 3, 4, 5, 6])
    }
    // What a client says of its padding is used.
    let padded = mask.replacing("1]", with: "0]")
    #expect(try json("{\"inputs\":[\(ids),\(padded)]}").optional == ["attention_mask"])
    #expect(fault("{\"inputs\":[\(ids),\(types.replacing("[2,3]", with: "[3,2]"))]}")?.code == .wrongInput)
    #expect(fault("{\"inputs\":[\(ids),\(types.replacing("[2,3]", with: "[2,2]").replacing("0,0]", with: "0]").replacing("0,0,0,0,0", with: "0,0,0,0"))]}")?.code == .wrongInput)
    #expect(fault("{\"inputs\":[\(mask)]}")?.expected.hasPrefix("inputs input_ids") == true)
  }

  @Test(arguments: [
    #"{"texts":[]}"#, #"{"texts":[1]}"#, #"{"texts":["a",null]}"#,
    #"{"inputs":[{"name":"t","shape":[2],"datatype":"BYTES","data":["a"]}]}"#,
    #"{"inputs":[{"name":"t","shape":[1],"datatype":"BYTES","data":["a","b"]}]}"#,
    #"{"inputs":[{"name":"t","shape":[1,3],"datatype":"BYTES","data":["a","b","c"]}]}"#,
    #"{"inputs":[{"name":"t","shape":[0],"datatype":"BYTES","data":[]}]}"#,
    #"{"inputs":[{"name":"t","shape":[1],"datatype":"BYTES","data":["a"]},{"name":"u","shape":[1],"datatype":"BYTES","data":["a"]}]}"#,
    #"{"inputs":[{"name":"input_ids","shape":[1,1],"datatype":"BOOL","data":[true]}]}"#,
  ]) func wrongTextsAreRefused(text: String) {
    let code = fault(text)?.code
    #expect(code == .wrongInput || code == .malformed)
  }

  @Test func limitsAreBytesAndTheLongestRow() {
    #expect(fault(#"{"texts":["123456789012345","123456789012345","123456789012345"]}"#)?.came == "384")
    #expect(fault(#"{"texts":["123456789012345","123456789012345"]}"#) == nil)
    let long = #"{"inputs":[{"name":"input_ids","shape":[1,17],"datatype":"INT64","data":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}]}"#
    #expect(fault(long)?.came == "17" && fault(long)?.expected.contains("models.maxLength") == true)
  }

  @Test(arguments: [
    #"{"text":["ab","cd"]}"#, #"{"texts":["ab","cd"]}"#, #"{"inputs":["ab","cd"]}"#, #"{"input":["ab","cd"],"model":"mine"}"#, #"["ab","cd"]"#, #"{"instances":["ab","cd"]}"#,
  ]) func textsComeInTheFormsOfOthers(text: String) throws {
    #expect(try json(text).elements(0, as: Int64.self) == [101, 97, 98, 102, 101, 99, 100, 102])
  }

  @Test(arguments: [#"{"text":"ab"}"#, #"{"texts":"ab"}"#, #"{"inputs":"ab"}"#, #""ab""#]) func oneTextMayStandAlone(text: String) throws {
    #expect(try json(text).elements(0, as: Int64.self) == [101, 97, 98, 102])
  }

  // MARK: What has no header

  /// An object is never meant as a text.
  @Test func anObjectWithoutAHeaderIsARequest() throws {
    #expect(try decoder.decoded(#"{"text":"ab"}"#)?.elements(0, as: Int64.self) == [101, 97, 98, 102])
    let fault = decoder.fault(Array(#"{"message":"ab"}"#.utf8))
    #expect(fault?.code == .wrongInput && fault?.expected.contains("content-type: text/plain") == true)
    #expect(try decoder.decoded(Array(#"{"message":"ab"}"#.utf8), headers: ["content-type": "text/plain"])?.length == 16)
    #expect(try decoder.decoded("{not JSON")?.length == 11)
  }

  @Test func aStringInQuotesIsReadAsItStandsAndToldOf() throws {
    decoder.notice = nil
    #expect(try decoder.decoded("\"ab\"")?.elements(0, as: Int64.self) == [101, 34, 97, 98, 34, 102])
    #expect(decoder.notice?.contains("topics.format: json") == true)
  }

  @Test(arguments: [
    ([0, 0, 0, 0, 1] + Array(#"{"text":"ab"}"#.utf8), "schema"), ([0x1F, 0x8B, 8, 0], "gzip"), ([0xFF, 0xFE, 97, 0], "UTF-16"), ([97, 0, 98, 0], "zero"), ([0, 97, 0, 98], "zero"),
  ] as [([UInt8], String)]) func whatIsNoTextIsToldByName(value: [UInt8], words: String) {
    for headers in [[:], ["content-type": "application/json"], ["content-type": "text/plain"]] {
      let fault = decoder.fault(value, headers: headers)
      #expect(fault?.code == .unsupported && fault?.came.contains(words) == true, "\(String(describing: fault))")
    }
  }

  @Test func aByteOrderMarkIsNoPartOfTheText() throws {
    #expect(try decoder.decoded([0xEF, 0xBB, 0xBF, 97])?.elements(0, as: Int64.self) == [101, 97, 102])
    #expect(try decoder.decoded([0, 0])?.elements(0, as: Int64.self) == [101, 0, 0, 102])
  }

  // MARK: Pairs

  private let pairs = RequestDecoder(signature: Signatures.text, text: PairEncoder(), options: DecodeOptions(format: .json))

  @Test(arguments: [
    #"{"text":"a","text_pair":"b"}"#, #"{"texts":[["a","b"]]}"#, #"[["a","b"]]"#, #"{"text":["a"],"text_pair":["b"]}"#,
    #"{"inputs":[{"name":"t","shape":[1,2],"datatype":"BYTES","data":["a","b"]}]}"#, #"{"inputs":[{"name":"t","shape":[1,2],"datatype":"BYTES","data":[["a","b"]]}]}"#,
  ]) func twoTextsAreOneRowWithTypes(text: String) throws {
    let request = try #require(try pairs.decoded(text))
    #expect(request.rows == 1 && request.elements(0, as: Int64.self) == [97, 0, 98] && request.optional == ["token_type_ids"])
  }

  @Test func pairsAndSinglesMayBeMixed() throws {
    let request = try #require(try pairs.decoded(#"{"texts":[["a","bc"],"d"]}"#))
    #expect(request.rows == 2 && request.lengths == [[4, 1]] && request.optional == ["token_type_ids"])
  }

  @Test(arguments: [#"{"texts":[["a"]]}"#, #"{"texts":[["a","b","c"]]}"#, #"{"text_pair":"b"}"#, #"{"text":["a"],"text_pair":[]}"#, #"{"text":["a"],"text_pair":"b"}"#]) func otherPairsAreFaults(text: String) {
    #expect(pairs.fault(Array(text.utf8)) != nil)
  }

  /// Ends every text with 3.
  private struct SeparatingEncoder: TextEncoder {
    let maxLength = 64
    let takesPairs = true

    func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
      tokens.removeAll()
      tokens.ids = [2] + text.map { Int64($0) } + [3] + (pair.map { $0.map { Int64($0) } + [3] } ?? [])
      if let pair { tokens.types = Array(repeating: 0, count: text.count + 2) + Array(repeating: 1, count: pair.count + 1) }
    }
  }

  /// A model that scores pairs, and is sent both texts as one: they could not be told apart.
  @Test func twoTextsInOneAreAFault() throws {
    var signature = Signatures.text
    signature.outputs = [.rows("score", .float32, [1])]
    let scoring = RequestDecoder(signature: signature, text: SeparatingEncoder(), options: DecodeOptions(format: .text))
    func isPairFault(_ value: String, _ type: String) -> Bool { scoring.fault(Array(value.utf8), headers: ["content-type": type])?.expected.contains("pair") == true }
    #expect(isPairFault("a [SEP] b", "text/plain") && isPairFault("a</s></s>b", "text/plain") && isPairFault(#"{"text":"a [SEP] b"}"#, "application/json"))
    #expect(try scoring.decoded(Array("a b".utf8))?.rows == 1)
    // The same of ids: those of a pair come with their types.
    func ids(_ ids: [Int], types: [Int]? = nil) -> String {
      func tensor(_ name: String, _ values: [Int]) -> String { "{\"name\":\"\(name)\",\"shape\":[1,\(values.count)],\"datatype\":\"INT64\",\"data\":\(values)}" }
      return "{\"inputs\":[\(tensor("input_ids", ids))\(types.map { "," + tensor("token_type_ids", $0) } ?? "")]}"
    }
    #expect(isPairFault(ids([2, 97, 3, 98, 3]), "application/json"))
    #expect(try scoring.decoded(Array(ids([2, 97, 3, 98, 3], types: [0, 0, 0, 1, 1]).utf8), headers: ["content-type": "application/json"])?.rows == 1)
    #expect(try scoring.decoded(Array(ids([2, 97, 3]).utf8), headers: ["content-type": "application/json"])?.rows == 1)
    // Vectors are made of single texts.
    signature.outputs = [.rows("vector", .float32, [384])]
    #expect(try RequestDecoder(signature: signature, text: SeparatingEncoder(), options: DecodeOptions(format: .text)).decoded(Array("a [SEP] b".utf8))?.rows == 1)
  }

  @Test func aModelWithoutPairsSaysSo() {
    #expect(fault(#"{"texts":[["a","b"]]}"#)?.expected.contains("takes no pair") == true)
  }

  @Test func idsOf32BitsAreNarrowed() throws {
    let spec = TensorSpec("ids", .int32, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1)
    let decoder = RequestDecoder(signature: Signature(inputs: [spec], outputs: []), text: ByteEncoder(), options: DecodeOptions(format: .text))
    #expect(try decoder.decoded([65])?.elements(0, as: Int32.self) == [101, 65, 102])
  }
}
