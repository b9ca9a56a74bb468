import Glibc
import Sheaf

/// A JSON text as a tree that tells strings apart by their bytes: vocabularies have pieces that Swift's strings take for equal.
final class JSONTree: Sendable {
  fileprivate enum Kind: UInt8 {
    case null, bool, number, string, array, object
  }
  fileprivate struct Node {
    var kind: Kind
    /// The node behind this one and all that is in it.
    var next: Int32
    /// A number or a bool; where a string begins in `text`.
    var value: Double
    /// Bytes of a string, members of an array or object.
    var count: Int32
  }
  fileprivate let nodes: [Node]
  /// All strings, without escapes, one behind the other.
  fileprivate let text: [UInt8]

  /// Says what was expected where it is not JSON.
  struct Invalid: Error { var problem: String }

  init(_ bytes: UnsafeRawBufferPointer) throws(Invalid) {
    if let invalid = UTF8Bytes.firstInvalid(bytes) { throw Invalid(problem: "is not UTF-8 at byte \(invalid)") }
    var parser = Parser(bytes)
    try parser.document()
    nodes = parser.nodes
    text = parser.text
  }

  var root: JSONNode { JSONNode(tree: self, index: 0) }

  private struct Parser {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0
    var nodes: [Node] = []
    var text: [UInt8] = []

    private static let maxDepth = 128

    init(_ bytes: UnsafeRawBufferPointer) {
      self.bytes = bytes
      text.reserveCapacity(bytes.count)
    }

    mutating func document() throws(Invalid) {
      guard bytes.count < 1 << 30 else { throw Invalid(problem: "is larger than 1 GiB") }
      try value(0)
      if peek() != nil { throw unexpected("its end") }
    }

    private func unexpected(_ expected: String) -> Invalid { Invalid(problem: "is not JSON: expected \(expected) at byte \(at)") }

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

    private mutating func append(_ kind: Kind, _ value: Double = 0, count: Int = 0) {
      nodes.append(Node(kind: kind, next: Int32(nodes.count + 1), value: value, count: Int32(count)))
    }

    private mutating func value(_ depth: Int) throws(Invalid) {
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

    private mutating func members(_ depth: Int) throws(Invalid) {
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

    private mutating func literal(_ word: StaticString, _ kind: Kind, _ value: Double) throws(Invalid) {
      guard at + word.utf8CodeUnitCount <= bytes.count, memcmp(bytes.baseAddress! + at, word.utf8Start, word.utf8CodeUnitCount) == 0 else {
        throw unexpected("a value")
      }
      at += word.utf8CodeUnitCount
      append(kind, value)
    }

    private mutating func string() throws(Invalid) {
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

    private mutating func escape() throws(Invalid) {
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
          guard at + 2 <= bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") else { throw unexpected("the second half of a character") }
          at += 2
          let low = try hexadecimal()
          guard 0xDC00..<0xE000 ~= low else { throw unexpected("the second half of a character") }
          scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = UnicodeScalar(scalar) else { throw unexpected("the first half of a character") }
        text.append(contentsOf: UTF8.encode(scalar)!)
      default: throw unexpected("an escape")
      }
    }

    private mutating func hexadecimal() throws(Invalid) -> UInt32 {
      guard at + 4 <= bytes.count, let value = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16), bytes[at] != UInt8(ascii: "+"),
        bytes[at] != UInt8(ascii: "-")
      else { throw unexpected("four hexadecimal digits") }
      at += 4
      return value
    }

    /// As Rust's serde_json reads it, which is off by a last bit here and there: sums of scores that are equal there have to be so here.
    private mutating func number() throws(Invalid) {
      guard peek() != nil else { throw unexpected("a value") }
      let isNegative = bytes[at] == UInt8(ascii: "-")
      if isNegative { at += 1 }
      var decimal = Decimal()
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

  private struct Decimal {
    var digits: UInt64 = 0
    var exponent = 0
    private var isFull = false

    mutating func append(_ digit: UInt8, isFraction: Bool) {
      let (product, overflows) = digits.multipliedReportingOverflow(by: 10)
      let (sum, carries) = product.addingReportingOverflow(UInt64(digit))
      if isFull || overflows || carries {
        // What has no room is left out.
        isFull = true
        if !isFraction { exponent += 1 }
      } else {
        digits = sum
        if isFraction { exponent -= 1 }
      }
    }

    var value: Double {
      var value = Double(digits)
      var exponent = exponent
      while exponent < -308, value != 0 {
        value /= 1e308
        exponent += 308
      }
      if value == 0 { return 0 }
      if exponent < 0 { return value / Self.powers[-exponent] }
      return exponent > 308 ? .infinity : value * Self.powers[exponent]
    }

    private static let powers = (0...308).map { Double("1e\($0)")! }
  }
}

/// A value in a JSON tree.
struct JSONNode {
  fileprivate let tree: JSONTree
  fileprivate let index: Int32

  private var node: JSONTree.Node { tree.nodes[Int(index)] }

  var isNull: Bool { node.kind == .null }
  var bool: Bool? { node.kind == .bool ? node.value != 0 : nil }
  var number: Double? { node.kind == .number ? node.value : nil }
  /// A number that is an integer of at most 2^53.
  var int: Int? {
    guard let number, abs(number) <= 0x1p53, number == number.rounded(.towardZero) else { return nil }
    return Int(number)
  }
  /// A string's bytes in UTF-8.
  var bytes: ArraySlice<UInt8>? {
    let node = node
    return node.kind == .string ? tree.text[Int(node.value)..<Int(node.value) + Int(node.count)] : nil
  }
  var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
  var isObject: Bool { node.kind == .object }
  var isArray: Bool { node.kind == .array }

  /// How many members an object or array has.
  var count: Int { node.kind == .object || node.kind == .array ? Int(node.count) : 0 }

  /// The elements of an array; `nil`: it is none.
  var array: [JSONNode]? {
    guard isArray else { return nil }
    var at = index + 1
    return (0..<count).map { _ in
      defer { at = tree.nodes[Int(at)].next }
      return JSONNode(tree: tree, index: at)
    }
  }

  /// The members of an object in the order of the file, the same name perhaps twice; empty: it is none.
  var members: [(name: JSONNode, value: JSONNode)] {
    guard isObject else { return [] }
    var at = index + 1
    return (0..<count).map { _ in
      let name = JSONNode(tree: tree, index: at), value = JSONNode(tree: tree, index: at + 1)
      at = tree.nodes[Int(at) + 1].next
      return (name, value)
    }
  }

  /// The last member of that name; `nil`: there is none, or it is null.
  subscript(name: StaticString) -> JSONNode? { member(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) }
  subscript(name: ArraySlice<UInt8>) -> JSONNode? { name.withUnsafeBufferPointer { member($0) } }

  private func member(_ name: UnsafeBufferPointer<UInt8>) -> JSONNode? {
    guard isObject else { return nil }
    var at = index + 1
    var found: JSONNode?
    for _ in 0..<count {
      let key = tree.nodes[Int(at)]
      let isSame = Int(key.count) == name.count && tree.text[Int(key.value)..<Int(key.value) + Int(key.count)].elementsEqual(name)
      if isSame { found = JSONNode(tree: tree, index: at + 1) }
      at = tree.nodes[Int(at) + 1].next
    }
    return found.flatMap { $0.isNull ? nil : $0 }
  }
}
