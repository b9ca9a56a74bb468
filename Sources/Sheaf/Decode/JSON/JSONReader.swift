import Glibc

/// Reads JSON (RFC 8259) in place, from the first byte to the last, without building anything. Every fault names the byte.
struct JSONReader {
  let bytes: UnsafePointer<UInt8>
  let count: Int
  var position = 0
  /// 10^0 to 10^64; here, so that numbers need not ask whether the global is there yet.
  let powers = powersOfTen

  /// NaN, Infinity and their like are values; see `nonFinite()`.
  var takesNonFinite = false

  /// How deep arrays and objects may nest in what is skipped.
  static let maxDepth = 64

  init(_ value: UnsafeRawBufferPointer) {
    // An empty value may have any address; nothing is read from it.
    bytes = value.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) } ?? UnsafePointer(bitPattern: 1)!
    count = value.count
  }

  /// The next byte after blanks, not yet taken; 0 at the end (no JSON token begins with it).
  @inline(__always) mutating func peek() -> UInt8 {
    while position < count {
      let byte = bytes[position]
      if byte > 32 || byte != 32 && byte != 10 && byte != 13 && byte != 9 { return byte }
      position &+= 1
    }
    return 0
  }

  /// The byte at the position itself; 0 at the end.
  @inline(__always) var current: UInt8 { position < count ? bytes[position] : 0 }

  @inline(__always) mutating func takes(_ byte: UInt8) -> Bool {
    guard peek() == byte, position < count else { return false }
    position &+= 1
    return true
  }

  @inline(__always) mutating func take(_ byte: UInt8, _ expected: @autoclosure () -> String) throws(RecordFault) {
    guard takes(byte) else { throw unexpected(expected()) }
  }

  // MARK: Objects and arrays

  /// The next key of an object whose brace has been taken, its colon taken too; `nil`: the object has ended.
  mutating func nextKey(_ first: inout Bool) throws(RecordFault) -> JSONString? {
    if first {
      first = false
      if takes(UInt8(ascii: "}")) { return nil }
    } else {
      if takes(UInt8(ascii: "}")) { return nil }
      try take(UInt8(ascii: ","), "a comma or the object's end")
    }
    let key = try string("a member's name")
    try take(UInt8(ascii: ":"), "a colon")
    return key
  }

  /// Whether an array whose bracket has been taken has another element, which is then next.
  @inline(__always) mutating func nextElement(_ first: inout Bool) throws(RecordFault) -> Bool {
    if takes(UInt8(ascii: "]")) { return false }
    if first {
      first = false
    } else {
      try take(UInt8(ascii: ","), "a comma or the array's end")
    }
    return true
  }

  /// Reads over one value of any kind.
  mutating func skip(depth: Int = 0) throws(RecordFault) {
    guard depth < Self.maxDepth else {
      throw RecordFault(.malformed, expected: "at most \(Self.maxDepth) levels of nesting", came: "more at byte \(position)")
    }
    var first = true
    switch peek() {
    case UInt8(ascii: "\""): _ = try string("a string")
    case UInt8(ascii: "{"):
      position += 1
      while try nextKey(&first) != nil { try skip(depth: depth + 1) }
    case UInt8(ascii: "["):
      position += 1
      while try nextElement(&first) { try skip(depth: depth + 1) }
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default:
      if takesNonFinite, try nonFinite() != nil { return }
      _ = try decimal("a value")
    }
  }

  mutating func literal(_ word: StaticString) throws(RecordFault) {
    for offset in 0..<word.utf8CodeUnitCount {
      guard position + offset < count, bytes[position + offset] == word.utf8Start[offset] else {
        throw RecordFault(.malformed, expected: "\(word)", came: "something else at byte \(position)")
      }
    }
    position += word.utf8CodeUnitCount
  }

  /// Refuses anything but blanks up to the end.
  mutating func end() throws(RecordFault) {
    _ = peek()
    if position < count { throw unexpected("the end of the JSON") }
  }

  // MARK: Strings

  /// A string where it stands: its bytes between the quotes, escapes checked but kept.
  mutating func string(_ expected: @autoclosure () -> String) throws(RecordFault) -> JSONString {
    try take(UInt8(ascii: "\""), expected())
    let start = position
    var isEscaped = false
    while position < count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return JSONString(raw: UnsafeRawBufferPointer(start: bytes + start, count: position - 1 - start), isEscaped: isEscaped, position: start)
      }
      if byte < 32 { throw unexpected("no control character in a string (write \\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16)))") }
      if byte == UInt8(ascii: "\\") {
        isEscaped = true
        position += 1
        try escape()
      } else {
        position += 1
      }
    }
    throw unexpected("a string's closing quote")
  }

  private mutating func escape() throws(RecordFault) {
    switch current {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
      UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 1
    case UInt8(ascii: "u"):
      position += 1
      for _ in 0..<4 {
        guard hexDigit(current) != nil else {
          throw RecordFault(.malformed, expected: "four hexadecimal digits after \\u", came: "something else at byte \(position)")
        }
        position += 1
      }
    default: throw RecordFault(.malformed, expected: "one of \" \\ / b f n r t u after a backslash", came: "something else at byte \(position)")
    }
  }

  // MARK: Faults

  /// The fault of finding something else at the position: malformed, or of the wrong kind where a JSON value begins there.
  @inline(never) func unexpected(_ expected: String) -> RecordFault {
    guard position < count else { return RecordFault(.malformed, expected: expected, came: "the end at byte \(position)") }
    let byte = bytes[position]
    let came =
      switch byte {
      case UInt8(ascii: "\""): "a string"
      case UInt8(ascii: "{"): "an object"
      case UInt8(ascii: "["): "an array"
      case _ where hasLiteral("true") || hasLiteral("false"): "a boolean"
      case _ where hasLiteral("null"): "null"
      case 33...126: "'\(Character(UnicodeScalar(byte)))'"
      default: "byte 0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
      }
    let isValue = came.hasPrefix("a") || came == "null"
    return RecordFault(isValue ? .wrongInput : .malformed, expected: expected, came: "\(came) at byte \(position)")
  }

  private func hasLiteral(_ text: StaticString) -> Bool {
    count - position >= text.utf8CodeUnitCount && memcmp(bytes + position, text.utf8Start, text.utf8CodeUnitCount) == 0
  }
}

func hexDigit(_ byte: UInt8) -> UInt32? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
  case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
  case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
  default: nil
  }
}
