import Testing

@testable import Sheaf

@Suite struct JSONRequestTests {
  let floats = RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .json, maxRows: 8))
  let two = RequestDecoder(signature: Signatures.two, text: nil, options: DecodeOptions(format: .json))

  @Test(arguments: [
    #"{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]}"#,
    #" { "inputs" : [ { "data" : [ [1.0, 2e0, 30E-1] , [4,5,0.6e+1] ] , "datatype":"FP32","shape":[2,3],"name":"x" } ] } "#,
    #"{"outputs":[{"name":"y"}],"parameters":{"a":[true,null,{}]},"inputs":[{"name":"\u0078","parameters":{},"shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]}"#,
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
    Bad("", .malformed, "end at byte 0"), Bad("{", .malformed, "end at byte 1"), Bad("[]", .wrongInput, "an array at byte 0"),
    Bad("null", .wrongInput, "null"), Bad("{}x", .malformed, "'x' at byte 2"), Bad("{}", .wrongInput, "inputs"),
    Bad("{\"inputs\":[],}", .malformed, "'}' at byte 13"), Bad("{\"inputs\":[] \"a\":1}", .wrongInput, "a comma"),
    Bad("{\"a\":tru}", .malformed, "true"), Bad("{\"a\":01}", .malformed, "leading zeros"), Bad("{\"a\":1.}", .malformed, "after the point"),
    Bad("{\"a\":.5}", .malformed, "'.' at byte 5"), Bad("{\"a\":-}", .malformed, "minus"), Bad("{\"a\":1e}", .malformed, "exponent"),
    Bad("{\"a\":+1}", .malformed, "'+'"), Bad("{\"a\":NaN}", .malformed, "'N'"), Bad("{\"a\":\"\\x\"}", .malformed, "backslash"),
    Bad("{\"a\":\"\\u12g4\"}", .malformed, "hexadecimal"), Bad("{\"a\":\"\n\"}", .malformed, "\\u000a"), Bad("{\"a\":\"", .malformed, "quote"),
    Bad("{\"a\":\"\\", .malformed, "byte 7"), Bad("{'a':1}", .malformed, "'''"), Bad("\u{feff}{}", .malformed, "0xef"),
    Bad("{\"a\":" + String(repeating: "[", count: 100_000), .malformed, "64 levels"),
    // Not a request.
    Bad("{\"inputs\":{}}", .wrongInput, "an object at byte 10"), Bad("{\"inputs\":[]}", .wrongInput, "inputs x"),
    Bad("{\"inputs\":[],\"inputs\":[]}", .malformed, "once"), Bad("{\"id\":1}", .malformed, "id"), Bad("{\"id\":\"a\",\"id\":\"b\"}", .malformed, "one id"),
    Bad(input("\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]"), .wrongInput, "without name at byte 11"),
    Bad(input("\"name\":\"x\",\"datatype\":\"FP32\",\"data\":[1,2,3]"), .wrongInput, "without shape"),
    Bad(input("\"name\":\"x\",\"shape\":[1,3],\"data\":[1,2,3]"), .wrongInput, "without datatype"),
    Bad(input("\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP32\""), .wrongInput, "without data"),
    Bad(input("\"name\":\"x\",\"name\":\"x\""), .malformed, "another name"),
    Bad(input("\"name\":\"q\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]"), .wrongInput, "q at byte 20"),
    Bad(input("\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP64\",\"data\":[1,2,3]"), .wrongInput, "FP64"),
    Bad(input("\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"BYTES\",\"data\":[\"a\"]"), .wrongInput, "BYTES"),
    Bad("{\"inputs\":[\(String(repeating: "{\"name\":\"x\",\"shape\":[1,3],\"datatype\":\"FP32\",\"data\":[1,2,3]},", count: 2))1]}", .wrongInput, "another x"),
    // Shapes.
    Bad(shape("3"), .malformed, "a shape"), Bad(shape("[]"), .wrongInput, "shape [batch,3] for x"), Bad(shape("[3]"), .wrongInput, "came [3]"),
    Bad(shape("[1,3,1]"), .wrongInput, "[1,3,1]"), Bad(shape("[1,4]"), .wrongInput, "[1,4]"), Bad(shape("[0,3]", "[]"), .wrongInput, "[0,3]"),
    Bad(shape("[-1,3]"), .wrongInput, "-1 at byte"), Bad(shape("[1.0,3]"), .outOfRange, "1.0"), Bad(shape("[1,1,1,1,1,1,1,1,1]"), .unsupported, "8 axes"),
    Bad(shape("[9,3]"), .wrongInput, "fewer"), Bad(shape("[9223372036854775807,3]"), .wrongInput, "fewer"),
    Bad(shape("[4611686018427387905,3]"), .wrongInput, "fewer"), Bad(shape("[99999999999999999999,3]"), .outOfRange, "INT can hold"),
    Bad(shape("[9,3]", "[" + [String](repeating: "1", count: 27).joined(separator: ",") + "]"), .tooLarge, "at most 8 rows"),
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
    #expect(two.fault(request(2, 3)) == RecordFault(.wrongInput, expected: "2 rows for b, as for the inputs before", came: "3"))
    #expect(two.fault(Array(#"{"inputs":[{"name":"a","shape":[1,1],"datatype":"FP32","data":[1]}]}"#.utf8)) == RecordFault(.wrongInput, expected: "inputs b, a", came: "a"))
  }

  @Test func anIdHasToBeUTF8() {
    let bytes = Array("{\"id\":\"".utf8) + [0xFF] + Array("\"}".utf8)
    #expect(floats.fault(bytes)?.came == "a byte that is not at byte 7")
  }

  @Test func rowsStackedElsewhereComeOneByOne() {
    let spec = TensorSpec("x", .uint8, [.fixed(2), .symbolic("batch")], batchAxis: 1)
    let decoder = RequestDecoder(signature: Signature(inputs: [spec], outputs: []), text: nil, options: DecodeOptions(format: .json))
    #expect(decoder.fault(Array(#"{"inputs":[{"name":"x","shape":[2,1],"datatype":"UINT8","data":[1,2]}]}"#.utf8)) == nil)
    #expect(decoder.fault(Array(#"{"inputs":[{"name":"x","shape":[2,2],"datatype":"UINT8","data":[1,2,3,4]}]}"#.utf8))?.code == .unsupported)
  }
}
