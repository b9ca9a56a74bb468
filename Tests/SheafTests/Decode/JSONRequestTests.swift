import Testing

@testable import Sheaf

@Suite struct JSONRequestTests {
  let floats = RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .json))
  let two = RequestDecoder(signature: Signatures.two, text: nil, options: DecodeOptions(format: .json))

  @Test(arguments: [
    #"{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]}"#,
    #" { "inputs" : [ { "data" : [ [1.0, 2e0, 30E-1] , [4,5,0.6e+1] ] , "datatype":"FP32","shape":[2,3],"name":"x" } ] } "#,
    #"{"outputs":[{"name":"y"}],"parameters":{"a":null,"priority":0,"binary_data_output":false},"inputs":[{"name":"\u0078","parameters":{},"shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]}"#,
  ]) func readsATensor(json: String) throws {
    let request = try #require(try floats.decoded(json))
    #expect(request.elements(0, as: Float.self) == [1, 2, 3, 4, 5, 6])
    #expect(request.rows == 2 && request.length == 1 && request.lengths == [nil] && !request.isInPlace)
  }

  @Test func readsSeveralInputsInAnyOrder() throws {
    let request = try #require(
      try two.decoded(
        #"{"id":"a\"\u00e9ü","inputs":[{"name":"a","shape":[2,1],"datatype":"FP32","data":[0.5,-1]},{"name":"b","shape":[2,2],"datatype":"INT32","data":[[1,-2],[3,2147483647]]}]}"#))
    #expect(request.id == #"a\"\u00e9ü"#)
    #expect(request.elements(0, as: Int32.self) == [1, -2, 3, .max])
    #expect(request.elements(1, as: Float.self) == [0.5, -1])
  }

  /// A value, the code of its fault, and words that the fault has to have.
  struct Bad: CustomTestStringConvertible {
    var json: String
    var code: RecordFault.Code
    var words: String

    init(_ json: String, _ code: RecordFault.Code, _ words: String) {
      self.json = json
      self.code = code
      self.words = words
    }

    var testDescription: String { json }
  }

  static func input(_ members: String) -> String { "{\"inputs\":[{\(members)}]}" }
  static func data(_ data: String) -> String { input("\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":\(data)") }
  static func shape(_ shape: String, _ data: String = "[1,2,3]") -> String {
    input("\"name\":\"x\",\"shape\":\(shape),\"datatype\":\"FP32\",\"data\":\(data)")
  }

  static let bad: [Bad] = [
    // Not JSON.
    Bad("", .malformed, "end at byte 0"), Bad("{", .malformed, "end at byte 1"), Bad("[]", .wrongInput, "inputs x"),
    Bad("null", .wrongInput, "null"), Bad("{}x", .malformed, "'x' at byte 2"), Bad("{}", .wrongInput, "inputs"),
    Bad("{\"inputs\":[],}", .malformed, "'}' at byte 13"), Bad("{\"inputs\":[] \"a\":1}", .wrongInput, "a comma"),
    Bad("{\"a\":tru}", .malformed, "true"), Bad("{\"a\":01}", .malformed, "leading zeros"), Bad("{\"a\":1.}", .malformed, "after the point"),
    Bad("{\"a\":.5}", .malformed, "'.' at byte 5"), Bad("{\"a\":-}", .malformed, "minus"), Bad("{\"a\":1e}", .malformed, "exponent"),
    Bad("{\"a\":+1}", .malformed, "'+'"), Bad("{\"a\":NaN}", .malformed, "'N'"), Bad("{\"a\":\"\\x\"}", .malformed, "backslash"),
    Bad("{\"a\":\"\\u12g4\"}", .malformed, "hexadecimal"), Bad("{\"a\":\"\n\"}", .malformed, "\\u000a"), Bad("{\"a\":\"", .malformed, "quote"),
    Bad("{\"a\":\"\\", .malformed, "byte 7"), Bad("{'a':1}", .malformed, "'''"), Bad("\u{feff}{}", .wrongInput, "a member \"inputs\""),
    Bad("{\"a\":" + String(repeating: "[", count: 100_000), .malformed, "64 levels"),
    // Not a request.
    Bad("{\"inputs\":{}}", .wrongInput, "inputs x"), Bad("{\"inputs\":[]}", .wrongInput, "inputs x"),
    Bad("{\"inputs\":[],\"inputs\":[]}", .malformed, "once"), Bad("{\"id\":1}", .malformed, "id"), Bad("{\"id\":\"a\",\"id\":\"b\"}", .malformed, "another, id"),
    Bad(input("\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]"), .wrongInput, "without name at byte 11"),
    Bad(input("\"name\":\"x\",\"datatype\":\"FP32\",\"data\":[1,2,3]"), .wrongInput, "without shape"),
    Bad(input("\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP32\""), .wrongInput, "without data"),
    Bad(input("\"name\":\"x\",\"name\":\"x\""), .malformed, "another name"),
    Bad(input("\"name\":\"q\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]"), .wrongInput, "q at byte 20"),
    Bad(input("\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"BYTES\",\"data\":[\"a\"]"), .wrongInput, "BYTES"),
    Bad("{\"inputs\":[\(String(repeating: "{\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]},", count: 2))1]}", .wrongInput, "another x"),
    // Shapes.
    Bad(shape("3"), .malformed, "a shape"), Bad(shape("[]"), .wrongInput, "shape [batch,3] for x"), Bad(shape("[3]"), .wrongInput, "came [3]"),
    Bad(shape("[1,3,1]"), .wrongInput, "[1,3,1]"), Bad(shape("[1,4]"), .wrongInput, "[1,4]"), Bad(shape("[0,3]", "[]"), .wrongInput, "[0,3]"),
    Bad(shape("[-1,3]"), .wrongInput, "-1 at byte"), Bad(shape("[1.0,3]"), .outOfRange, "1.0"), Bad(shape("[1,1,1,1,1,1,1,1,1]"), .unsupported, "8 axes"),
    Bad(shape("[9,3]"), .wrongInput, "fewer"), Bad(shape("[9223372036854775807,3]"), .wrongInput, "fewer"),
    Bad(shape("[4611686018427387905,3]"), .wrongInput, "fewer"), Bad(shape("[99999999999999999999,3]"), .outOfRange, "INT can hold"),
    // Data.
    Bad(data("[1,2]"), .wrongInput, "2 of 3"), Bad(data("[1,2,3,4]"), .wrongInput, "more"), Bad(data("[[1,2,3],[1,2,3]]"), .wrongInput, "more"),
    Bad(data("[[1,2],[3]]"), .wrongInput, "2 of 3"), Bad(data("[[[1,2,3]]]"), .wrongInput, "an array"), Bad(data("[1,[2],3]"), .wrongInput, "an array"),
    Bad(data("[[1,2,3]"), .malformed, "'}'"), Bad(data("[1,2,\"3\"]"), .wrongInput, "a string"), Bad(data("[1,2,null]"), .wrongInput, "null"),
    Bad(data("[1,2,true]"), .wrongInput, "a boolean"), Bad(data("[1,2,3,]"), .wrongInput, "more"), Bad(data("[,1,2,3]"), .malformed, "','"),
    Bad(data("[1,2,1e39]"), .outOfRange, "1e39"), Bad(data("[1,2,-3.5e38]"), .outOfRange, "FP32"), Bad(data("7"), .malformed, "an array of data"),
    Bad(data("[1 2 3]"), .malformed, "'2'"), Bad(data("[1,2,0x3]"), .malformed, "'x'"),
  ]

  @Test(arguments: bad) func badRequestsSayWhatIsWrong(bad: Bad) throws {
    let fault = try #require(floats.fault(Array(bad.json.utf8)))
    #expect(fault.code == bad.code, "\(fault)")
    #expect("expected \(fault.expected), came \(fault.came)".contains(bad.words), "\(fault)")
  }

  @Test func severalInputsHaveToFitTogether() {
    func request(_ a: Int, _ b: Int) -> [UInt8] {
      let dataA = [String](repeating: "1", count: a).joined(separator: ",")
      let dataB = [String](repeating: "1", count: 2 * b).joined(separator: ",")
      return Array(
        "{\"inputs\":[{\"name\":\"a\",\"shape\":[\(a),1],\"datatype\":\"FP32\",\"data\":[\(dataA)]},{\"name\":\"b\",\"shape\":[\(b),2],\"datatype\":\"INT32\",\"data\":[\(dataB)]}]}".utf8)
    }
    #expect(two.fault(request(2, 2)) == nil)
    #expect(two.fault(request(2, 3))?.expected.hasPrefix("2 rows for b, as for the inputs before") == true)
    #expect(two.fault(Array(#"{"inputs":[{"name":"a","shape":[1,1],"datatype":"FP32","data":[1]}]}"#.utf8))?.expected.hasPrefix("inputs b, a") == true)
  }

  @Test func anIdHasToBeUTF8() {
    let bytes = Array("{\"id\":\"".utf8) + [0xFF] + Array("\"}".utf8)
    #expect(floats.fault(bytes)?.came == "a byte that is not at byte 7")
  }

  @Test func rowsMayBeStackedElsewhere() throws {
    let spec = TensorSpec("x", .uint8, [.fixed(2), .symbolic("batch")], batchAxis: 1)
    let decoder = RequestDecoder(signature: Signature(inputs: [spec], outputs: []), text: nil, options: DecodeOptions(format: .json))
    #expect(decoder.fault(Array(#"{"inputs":[{"name":"x","shape":[2,1],"datatype":"UINT8","data":[1,2]}]}"#.utf8)) == nil)
    #expect(try decoder.decoded(#"{"inputs":[{"name":"x","shape":[2,2],"datatype":"UINT8","data":[1,2,3,4]}]}"#)?.rows == 2)
  }

  // MARK: Short forms

  @Test(arguments: [
    "[[1,2,3],[4,5,6]]", #"{"inputs":[[1,2,3],[4,5,6]]}"#, #"{"instances":[[1,2,3],[4,5,6]]}"#, #"{"inputs":{"x":[[1,2,3],[4,5,6]]},"id":"7"}"#,
    #"{"inputs":[{"name":"x","data":[[1,2,3],[4,5,6]]}]}"#, #"{"inputs":[{"name":"x","shape":[2,3],"data":[1,2,3,4,5,6]}]}"#,
    #"{"id":null,"outputs":null,"parameters":null,"model_name":null,"inputs":[{"name":"x","parameters":null,"datatype":null,"shape":[2,3],"data":[1,2,3,4,5,6]}]}"#,
    "\u{feff}[[1,2,3],[4,5,6]]",
  ]) func shortFormsSayTheSame(json: String) throws {
    let request = try #require(try floats.decoded(json))
    #expect(request.rows == 2 && request.elements(0, as: Float.self) == [1, 2, 3, 4, 5, 6])
  }

  /// Where there is doubt nothing is taken: one row may be meant, or three of one number.
  @Test(arguments: ["[1,2,3]", #"{"instances":[1,2,3]}"#, "[[[1,2,3]]]", "[]", #"{"instances":[{"x":[1,2,3]}]}"#, "[[1,2,3],[4,5]]"]) func otherShortFormsAreFaults(json: String) {
    let fault = floats.fault(Array(json.utf8))
    #expect(fault?.code == .wrongInput || fault?.code == .unsupported)
    #expect(fault?.expected.contains(#"such a request is {"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[0.5,0.5,0.5]}]}"#) == true)
  }

  @Test func severalInputsMayBeNamed() throws {
    let request = try #require(try two.decoded(#"{"inputs":{"a":[[0.5]],"b":[[1,2]]}}"#))
    #expect(request.elements(0, as: Int32.self) == [1, 2] && request.elements(1, as: Float.self) == [0.5])
    #expect(two.fault(Array("[[1,2]]".utf8))?.expected.contains("by name") == true)
  }

  // MARK: Datatypes

  private func convert(_ given: String, _ data: String, to type: ElementType) throws -> [UInt8]? {
    let decoder = RequestDecoder(signature: Signatures.rows(type, [1]), text: nil, options: DecodeOptions(format: .json))
    return try decoder.decoded("{\"inputs\":[{\"name\":\"x\",\"shape\":[1,1],\"datatype\":\"\(given)\",\"data\":[\(data)]}]}")?.tensors[0]
  }

  @Test func numbersOfAnotherTypeAreTakenWhereNothingIsLost() throws {
    func bytes<T: BitwiseCopyable>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value, Array.init) }
    #expect(try convert("INT64", "16777216", to: .float32) == bytes(Float(16_777_216)))
    #expect(try convert("FP64", "0.1", to: .float32) == bytes(Float(0.1)))
    #expect(try convert("FP32", "3.0", to: .int64) == bytes(Int64(3)))
    #expect(try convert("FP64", "1e2", to: .uint8) == bytes(UInt8(100)))
    #expect(try convert("INT32", "-7", to: .int64) == bytes(Int64(-7)))
    #expect(try convert("INT64", "2048", to: .float16) == bytes(Float16(2048)))
    for (given, data, type) in [("INT64", "16777217", ElementType.float32), ("FP32", "1.5", .int64), ("FP64", "256", .uint8), ("INT64", "2049", .float16), ("INT64", "300", .uint8)] {
      #expect(throws: RecordFault.self, "\(given) \(data) for \(type)") { try convert(given, data, to: type) }
    }
    for (given, type) in [("BYTES", ElementType.float32), ("FP32", .bool), ("BOOL", .float32), ("fp32", .float32), ("FP8", .float32)] {
      #expect { try convert(given, "1", to: type) } throws: { ($0 as? RecordFault)?.code == .wrongInput }
    }
  }

  @Test func numbersThatJSONHasNotAreTakenByASetting() throws {
    var options = DecodeOptions(format: .json)
    let data = #"{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[NaN,null,"-Infinity"]}]}"#
    #expect(floats.fault(Array(data.utf8))?.expected.contains("NaN is sent raw") == true)
    options.takesNonFinite = true
    let values = try #require(try RequestDecoder(signature: Signatures.floats, text: nil, options: options).decoded(data)).elements(0, as: Float.self)
    #expect(values[0].isNaN && values[1].isNaN && values[2] == -.infinity)
  }

  // MARK: What is asked for

  @Test func outputsAreChosenInTheirOrder() throws {
    func outputs(_ list: String) throws -> [Int]? { try two.decoded("{\"inputs\":{\"a\":[[0.5]],\"b\":[[1,2]]},\"outputs\":\(list)}")?.outputs }
    #expect(try outputs(#"[{"name":"z"},{"name":"y","parameters":{"binary_data":false}}]"#) == [1, 0])
    #expect(try outputs("[]") == [] && outputs("null") == [])
    for (list, words) in [(#"[{"name":"q"}]"#, "an output of the model: y, z"), (#"[{"name":"y"},{"name":"y"}]"#, "every output once"), (#"[{}]"#, "an output with a name"), (#"[{"name":"y","parameters":{"classification":1}}]"#, "without classification")] {
      #expect { try outputs(list) } throws: { ($0 as? RecordFault)?.expected.contains(words) == true }
    }
    let raw = RequestDecoder(signature: Signatures.two, text: nil, options: DecodeOptions(format: .json, replyFormat: .raw))
    #expect(try raw.decoded(#"{"inputs":{"a":[[0.5]],"b":[[1,2]]},"outputs":[{"name":"z"}]}"#)?.outputs == [1])
    #expect(raw.fault(Array(#"{"inputs":{"a":[[0.5]],"b":[[1,2]]}}"#.utf8))?.expected.contains("2 outputs") == true)
  }

  /// What is not done is told, and never read over.
  @Test(arguments: [
    (#"{"inputs":[[1,2,3]],"normalize":true}"#, "normalize"), (#"{"inputs":[[1,2,3]],"parameters":{"top_k":1}}"#, "top_k"),
    (#"{"inputs":[[1,2,3]],"parameters":{"binary_data_output":true}}"#, "binary_data_output"), (#"{"inputs":[[1,2,3]],"model_name":"other"}"#, "model mine"),
    (#"{"inputs":[[1,2,3]],"model_version":"2"}"#, "model_version"), (#"{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3],"parameters":{"content_type":"base64"}}]}"#, "content_type"),
    (#"{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3],"scale":2}]}"#, "scale"),
  ]) func whatIsNotDoneIsAFault(json: String, words: String) {
    let decoder = RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .json), modelName: "mine")
    let fault = decoder.fault(Array(json.utf8))
    #expect("\(fault?.expected ?? "") \(fault?.came ?? "")".contains(words), "\(String(describing: fault))")
    #expect(decoder.fault(Array(#"{"inputs":[[1,2,3]],"model_name":"mine"}"#.utf8)) == nil)
  }

  // MARK: Strings, and what has to agree

  @Test func stringsLieBehindTheirLengths() throws {
    let decoder = RequestDecoder(signature: Signatures.rows(.bytes, [2]), text: nil, options: DecodeOptions(format: .json))
    let request = try #require(try decoder.decoded(#"{"inputs":[{"name":"x","shape":[1,2],"datatype":"BYTES","data":["a\u00e9",""]}]}"#))
    #expect(request.tensors[0] == [3, 0, 0, 0, 97, 0xC3, 0xA9, 0, 0, 0, 0])
    #expect(decoder.fault(Array(#"{"inputs":[{"name":"x","shape":[1,2],"datatype":"BYTES","data":["a"]}]}"#.utf8))?.code == .wrongInput)
  }

  @Test func requestsOfOneShapeAndOneSharedValueAreAGroup() throws {
    let open = Signature(
      inputs: [TensorSpec("image", .uint8, [.symbolic("n"), .symbolic("h"), .symbolic("w")]), TensorSpec("rate", .int64, [], batchAxis: nil)], outputs: [])
    let decoder = RequestDecoder(signature: open, text: nil, options: DecodeOptions(format: .json))
    func request(_ height: Int, _ width: Int, _ rate: Int) throws -> PlainRequest {
      let data = Array(repeating: "1", count: height * width).joined(separator: ",")
      return try #require(try decoder.decoded(
        "{\"inputs\":[{\"name\":\"image\",\"shape\":[1,\(height),\(width)],\"datatype\":\"UINT8\",\"data\":[\(data)]},{\"name\":\"rate\",\"shape\":[],\"datatype\":\"INT64\",\"data\":\(rate)}]}"))
    }
    let one = try request(2, 3, 7)
    #expect(one.length == 6)
    #expect(try request(2, 3, 7).group == one.group)
    #expect(try request(3, 2, 7).group != one.group && request(2, 3, 8).group != one.group)
  }
}
