import SheafTesting
import Testing

@testable import Sheaf

@Suite struct ReplyEncoderTests {
  private func reply<T: BitwiseCopyable>(_ type: ElementType, _ values: [T], tail: [Int], rows: Int, id: String? = nil, format: ReplyFormat = .json, name: String = "y") -> [UInt8] {
    let signature = Signature(inputs: [.rows("x", .uint8, [1])], outputs: [.rows(name, type, tail)])
    let encoder = ReplyEncoder(signature: signature, modelName: "m")
    var id = id
    return withRecord([0]) { record in
      let tensor = RequestTensor(data: record.value.baseAddress!, byteCount: 1, length: 1)
      var request = Request(record: record, rows: Int32(rows), length: 1, tensor: tensor, replyFormat: format)
      return values.withUnsafeBytes { data in
        ([rows] + tail).withUnsafeBufferPointer { shape in
          func encode() -> [UInt8] {
            let slice = OutputSlice(output: 0, data: data.baseAddress!, byteCount: data.count, shape: shape)
            return [slice].withUnsafeBufferPointer { slices in
              let bytes = encoder.encode(request, slices)
              if format == .raw { #expect(bytes.baseAddress == data.baseAddress, "a raw reply is the output's own memory") }
              return Array(bytes)
            }
          }
          guard id != nil else { return encode() }
          return id!.withUTF8 {
            request.id = UnsafeRawBufferPointer($0)
            return encode()
          }
        }
      }
    }
  }

  private func text<T: BitwiseCopyable>(_ type: ElementType, _ values: [T]) -> String {
    String(decoding: reply(type, values, tail: [], rows: values.count), as: UTF8.self)
  }

  @Test func repliesAreOpenInference() {
    let reply = reply(.float32, [Float](arrayLiteral: 1, -0.5, 1e-7, 0.1, 3e38, 0), tail: [3], rows: 2, id: #"a\"7"#, name: "a \"b\"")
    #expect(
      String(decoding: reply, as: UTF8.self)
        == #"{"model_name":"m","id":"a\"7","outputs":[{"name":"a \"b\"","datatype":"FP32","shape":[2,3],"data":[1.0,-0.5,1e-07,0.1,3e+38,0.0]}]}"#)
  }

  @Test func everyTypeIsWritten() {
    func data(_ text: String) -> Substring { text.split(separator: "\"data\":")[1].dropLast(3) }
    #expect(data(text(.bool, [UInt8(0), 1])) == "[false,true]")
    #expect(data(text(.int8, [Int8.min, .max, 0])) == "[-128,127,0]")
    #expect(data(text(.int16, [Int16.min, .max])) == "[-32768,32767]")
    #expect(data(text(.int32, [Int32.min, .max])) == "[-2147483648,2147483647]")
    #expect(data(text(.int64, [Int64.min, .max, -1])) == "[-9223372036854775808,9223372036854775807,-1]")
    #expect(data(text(.uint8, [UInt8.max, 9, 10, 99, 100])) == "[255,9,10,99,100]")
    #expect(data(text(.uint16, [UInt16.max])) == "[65535]")
    #expect(data(text(.uint32, [UInt32.max])) == "[4294967295]")
    #expect(data(text(.uint64, [UInt64.max, 9_999_999_999_999_999_999, 10_000_000_000_000_000_000])) == "[18446744073709551615,9999999999999999999,10000000000000000000]")
    #expect(data(text(.float16, [Float16(0.1), 65504])) == "[0.1,65504.0]")
    #expect(data(text(.float64, [0.1 + 0.2, .leastNonzeroMagnitude])) == "[0.30000000000000004,5e-324]")
    #expect(data(text(.float32, [Float.nan, .infinity, -.infinity])) == "[null,null,null]")
  }

  @Test func rawRepliesAreNotCopied() {
    #expect(reply(.float32, [Float(1), 2], tail: [2], rows: 1, format: .raw) == [Float(1), 2].withUnsafeBytes(Array.init))
  }

  /// What is written reads back the same.
  @Test func floatsReadBack() throws {
    var generator = SeededGenerator(seed: 21)
    let floats = (0..<20_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()) & 0xBF7F_FFFF) }
    let written = reply(.float32, floats, tail: [floats.count], rows: 1)
    let outputs = try written.withUnsafeBytes { try JSONValue($0) }["outputs"]?.array
    guard case .array(let numbers)? = outputs?.first?["data"] else { return #expect(Bool(false), "no data") }
    for (number, float) in zip(numbers, floats) {
      guard case .number(let value) = number else { return #expect(Bool(false), "no number") }
      #expect(Float(value).bitPattern == float.bitPattern)
    }
    #expect(numbers.count == floats.count)
  }

  @Test func errorsNameThePlaceInWordsAndInMembers() throws {
    let encoder = ReplyEncoder(signature: Signatures.floats, modelName: "m")
    let bad = [0x22, 0x5C, 0xFF, 0x0A, 0xC3, 0x41].map { UInt8($0) }
    let came = bad.withUnsafeBytes { excerpt($0) }
    let fault = RecordFault(.malformed, expected: "a \"b\"", came: came)
    let value = try withRecord([1]) { record in try JSONValue(encoder.encode(fault, record, topic: "requests\n")) }
    #expect(value["error"]?.string == "requests\n, partition 3, offset 14: expected a \"b\", came \(came)")
    #expect(value["code"]?.string == "malformed" && value["topic"]?.string == "requests\n")
    #expect(value["partition"]?.int == 3 && value["offset"]?.int == 14)
    #expect(value["expected"]?.string == "a \"b\"" && value["came"]?.string == came)
  }

  @Test func excerptsAreShortAndWhole() {
    let text = Array(String(repeating: "é", count: 100).utf8)
    #expect(text.withUnsafeBytes { excerpt($0) } == String(repeating: "é", count: 28) + "…")
    #expect([UInt8]("short".utf8).withUnsafeBytes { excerpt($0) } == "short")
  }
}
