import Glibc
import SheafTesting
import Testing

@testable import Sheaf

@Suite struct JSONNumberTests {
  /// Reads one number of a type with the request decoder.
  private func read<T: BitwiseCopyable>(_ text: String, _ type: ElementType, as: T.Type) throws -> T {
    let decoder = RequestDecoder(signature: Signatures.rows(type, []), text: nil, options: DecodeOptions(format: .json))
    let json = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"\(type.rawValue)\",\"data\":[\(text)]}]}"
    return try #require(try decoder.decoded(json)).elements(0, as: T.self)[0]
  }

  private func reader(_ text: String, _ body: (inout JSONReader) throws -> Void) rethrows {
    var copy = text
    try copy.withUTF8 { bytes in
      var reader = JSONReader(UnsafeRawBufferPointer(bytes))
      try body(&reader)
    }
  }

  /// Texts of numbers of all kinds: shortest, 17 digits, many digits, close to the middle between two floats, tiny, huge.
  private func numbers(_ count: Int) -> [String] {
    var generator = SeededGenerator(seed: 11)
    return (0..<count).map { index in
      let sign = Bool.random(using: &generator) ? "-" : ""
      let bits = generator.next()
      switch index % 8 {
      case 0: return "\(Float(bitPattern: UInt32(bits & 0x7F7F_FFFF)))"
      case 1: return "\(Double(bitPattern: bits & 0xBFFF_FFFF_FFFF_FFFF))"
      case 2: return "\(sign)\(Double(Float.random(in: 0...10, using: &generator)))"
      case 3:  // The middle between two floats, and its neighbours among the doubles.
        let middle = Double(Float.random(in: 1...1e6, using: &generator)).bitPattern + 0x1000_0000
        return "\(sign)\(Double(bitPattern: middle &+ bits % 3 &- 1))"
      case 4:
        let whole = String(bits, radix: 10)
        return "\(sign)\(whole).\(generator.next())\(generator.next())e\(Int.random(in: -60...10, using: &generator))"
      case 5: return "\(sign)\(bits >> UInt64.random(in: 0...60, using: &generator))e\(Int.random(in: -70...18, using: &generator))"
      case 6: return "\(sign)0.\(String(repeating: "0", count: Int.random(in: 0...40, using: &generator)))\(bits)"
      default: return "\(sign)\(Int.random(in: 0...99999, using: &generator)).\(Int.random(in: 0...9999, using: &generator))"
      }
    }
  }

  @Test func floatsAreTheNearest() throws {
    for text in numbers(200_000) {
      let expected = strtof(text, nil)
      try reader(text) { reader in
        if expected.isInfinite {
          #expect(throws: RecordFault.self) { try reader.float() }
        } else {
          let value = try reader.float()
          if value.bitPattern != expected.bitPattern { Issue.record("\(text): \(value) instead of \(expected)") }
        }
        #expect(reader.position == text.utf8.count)
      }
    }
  }

  @Test func doublesAreTheNearest() throws {
    for text in numbers(200_000) {
      let expected = strtod(text, nil)
      try reader(text) { reader in
        let value = try reader.double()
        if value.bitPattern != expected.bitPattern { Issue.record("\(text): \(value) instead of \(expected)") }
      }
    }
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("-0.0", 0), ("0e99999999999999999999", 0), ("1e-99999999999999999999", 0), ("0.000", 0), ("1e-400", 0), ("10", 10),
    ("100e-2", 1), ("0.1e1", 1), ("1E+2", 100), ("1" + String(repeating: "0", count: 400) + "e-400", 1), ("0." + String(repeating: "0", count: 400) + "1e401", 1),
  ] as [(String, Double)]) func extremes(text: String, value: Double) throws {
    #expect(try read(text, .float64, as: Double.self) == value)
    #expect(try read(text, .float32, as: Float.self) == Float(value))
    #expect(try read(text, .float16, as: Float16.self) == Float16(value))
  }

  @Test func overflowIsAFault() {
    #expect(throws: RecordFault(.outOfRange, expected: "a number that FP64 can hold", came: "1e309 at byte 61")) { try read("1e309", .float64, as: Double.self) }
    #expect(throws: RecordFault.self) { try read("1e99999999999999999999", .float32, as: Float.self) }
    #expect(throws: RecordFault(.outOfRange, expected: "a number that FP16 can hold", came: "65520 at byte 61")) { try read("65520", .float16, as: Float16.self) }
    #expect(throws: Never.self) { try read("65519", .float16, as: Float16.self) }
    #expect(throws: Never.self) { try read("3.4028235677973366e38", .float32, as: Float.self) }
    #expect(throws: RecordFault.self) { try read("3.4028235677973367e38", .float32, as: Float.self) }
  }

  private func checkBounds<T: FixedWidthInteger & BitwiseCopyable>(_ type: ElementType, _: T.Type) throws {
    #expect(try read("\(T.min)", type, as: T.self) == .min)
    #expect(try read("\(T.max)", type, as: T.self) == .max)
    #expect(try read("-0", type, as: T.self) == 0)
    for text in ["\(T.max)0", "-\(T.max)9", "1.0", "1e2", "99999999999999999999999", "-170141183460469231731687303715884105729"] {
      let error = #expect(throws: RecordFault.self) { try read(text, type, as: T.self) }
      #expect(error?.code == .outOfRange)
    }
    if T.min == 0 { #expect(throws: RecordFault.self) { try read("-1", type, as: T.self) } }
  }

  @Test func integersHaveBounds() throws {
    try checkBounds(.int8, Int8.self)
    try checkBounds(.int16, Int16.self)
    try checkBounds(.int32, Int32.self)
    try checkBounds(.int64, Int64.self)
    try checkBounds(.uint8, UInt8.self)
    try checkBounds(.uint16, UInt16.self)
    try checkBounds(.uint32, UInt32.self)
    try checkBounds(.uint64, UInt64.self)
    #expect(throws: RecordFault(.outOfRange, expected: "an integer that INT8 can hold", came: "128 at byte 61")) { try read("128", .int8, as: Int8.self) }
    #expect(throws: RecordFault.self) { try read("18446744073709551616", .uint64, as: UInt64.self) }
    #expect(throws: RecordFault.self) { try read("9223372036854775808", .int64, as: Int64.self) }
    #expect(throws: RecordFault.self) { try read("-9223372036854775809", .int64, as: Int64.self) }
  }

  @Test func booleansAreWordsOrDigits() throws {
    for (text, value) in [("true", true), ("false", false), ("1", true), ("0", false)] { #expect(try read(text, .bool, as: Bool.self) == value) }
    for text in ["2", "-1", "1.0", "0e0", "\"true\"", "null", "yes"] { #expect(throws: RecordFault.self) { try read(text, .bool, as: Bool.self) } }
  }
}
