import Glibc

/// Reads a JSON text into the nodes of a tree.
struct JSONParser {
  private let bytes: UnsafeRawBufferPointer
  private var at = 0
  private(set) var nodes: [JSONTree.Node] = []
  private(set) var text: [UInt8] = []

  private static let maxDepth = 128

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    text.reserveCapacity(bytes.count)
  }

  mutating func document() throws(JSONTree.Invalid) {
    guard bytes.count < 1 << 30 else { throw JSONTree.Invalid(problem: "is larger than 1 GiB") }
    try value(0)
    if peek() != nil { throw unexpected("its end") }
  }

  private func unexpected(_ expected: String) -> JSONTree.Invalid { JSONTree.Invalid(problem: "is not JSON: expected \(expected) at byte \(at)") }

  /// The next byte that is no blank.
  private mutating func peek() -> UInt8? {
    while at < bytes.count {
      let byte = bytes[at]
      if byte != 32 && byte != 10 && byte != 13 && byte != 9 { return byte }
      at += 1
    }
    return nil
  }

  private mutating func takes(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    at += 1
    return true
  }

  private mutating func append(_ kind: JSONTree.Kind, _ value: Double = 0, count: Int = 0) {
    nodes.append(JSONTree.Node(kind: kind, next: Int32(nodes.count + 1), value: value, count: Int32(count)))
  }

  private mutating func value(_ depth: Int) throws(JSONTree.Invalid) {
    guard depth < Self.maxDepth else { throw unexpected("at most \(Self.maxDepth) levels of nesting") }
    switch peek() {
    case UInt8(ascii: "{"), UInt8(ascii: "["): try members(depth)
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "t"): try literal("true", .bool, 1)
    case UInt8(ascii: "f"): try literal("false", .bool, 0)
    case UInt8(ascii: "n"): try literal("null", .null, 0)
    default: try number()
    }
  }

  private mutating func members(_ depth: Int) throws(JSONTree.Invalid) {
    let isObject = bytes[at] == UInt8(ascii: "{")
    let end = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
    let index = nodes.count
    append(isObject ? .object : .array)
    at += 1
    var count = 0
    if !takes(end) {
      repeat {
        if isObject {
          guard peek() == UInt8(ascii: "\"") else { throw unexpected("a member's name") }
          try string()
          guard takes(UInt8(ascii: ":")) else { throw unexpected("a colon") }
        }
        try value(depth + 1)
        count += 1
      } while takes(UInt8(ascii: ","))
      guard takes(end) else { throw unexpected("a comma or the end of \(isObject ? "an object" : "an array")") }
    }
    nodes[index].count = Int32(count)
    nodes[index].next = Int32(nodes.count)
  }

  private mutating func literal(_ word: StaticString, _ kind: JSONTree.Kind, _ value: Double) throws(JSONTree.Invalid) {
    guard at + word.utf8CodeUnitCount <= bytes.count, memcmp(bytes.baseAddress! + at, word.utf8Start, word.utf8CodeUnitCount) == 0 else {
      throw unexpected("a value")
    }
    at += word.utf8CodeUnitCount
    append(kind, value)
  }

  private mutating func string() throws(JSONTree.Invalid) {
    let start = text.count
    at += 1
    while true {
      guard at < bytes.count else { throw unexpected("the end of a string") }
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") { break }
      guard byte >= 0x20 else { throw unexpected("no control character in a string") }
      at += 1
      if byte == UInt8(ascii: "\\") { try escape() } else { text.append(byte) }
    }
    at += 1
    append(.string, Double(start), count: text.count - start)
  }

  private mutating func escape() throws(JSONTree.Invalid) {
    guard at < bytes.count else { throw unexpected("the end of a string") }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      var scalar = try hexadecimal()
      if 0xD800..<0xDC00 ~= scalar {
        let isFollowed = at + 2 <= bytes.count && bytes[at] == UInt8(ascii: "\\") && bytes[at + 1] == UInt8(ascii: "u")
        at += isFollowed ? 2 : 0
        let low = isFollowed ? try hexadecimal() : 0
        guard 0xDC00..<0xE000 ~= low else { throw unexpected("the second half of a character") }
        scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = UnicodeScalar(scalar) else { throw unexpected("the first half of a character") }
      text.append(contentsOf: UTF8.encode(scalar)!)
    default: throw unexpected("an escape")
    }
  }

  private mutating func hexadecimal() throws(JSONTree.Invalid) -> UInt32 {
    let digits = String(decoding: bytes[at..<min(at + 4, bytes.count)], as: UTF8.self)
    guard digits.utf8.count == 4, digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16) else {
      throw unexpected("four hexadecimal digits")
    }
    at += 4
    return value
  }

  /// As Rust's serde_json reads it, which is off by a last bit here and there: sums of scores that are equal there have to be so here.
  private mutating func number() throws(JSONTree.Invalid) {
    guard peek() != nil else { throw unexpected("a value") }
    let isNegative = bytes[at] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    var decimal = JSONDecimal()
    let start = at
    while let digit = digit() { decimal.append(digit, isFraction: false) }
    guard at > start, at == start + 1 || bytes[start] != UInt8(ascii: "0") else { throw unexpected("a value") }
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      let start = at
      while let digit = digit() { decimal.append(digit, isFraction: true) }
      guard at > start else { throw unexpected("a digit") }
    }
    if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      let isDown = at < bytes.count && bytes[at] == UInt8(ascii: "-")
      if at < bytes.count, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") { at += 1 }
      let start = at
      var exponent = 0
      while let digit = digit() { exponent = min(exponent * 10 + Int(digit), 1_000_000) }
      guard at > start else { throw unexpected("a digit") }
      decimal.exponent += isDown ? -exponent : exponent
    }
    append(.number, isNegative ? -decimal.value : decimal.value)
  }

  private mutating func digit() -> UInt8? {
    guard at < bytes.count, bytes[at] &- 48 < 10 else { return nil }
    at += 1
    return bytes[at - 1] - 48
  }
}
