/// A JSON text as a tree: for the small files beside a model, read once at start. Requests never become one.
package enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  package init(_ text: UnsafeRawBufferPointer) throws(RecordFault) {
    var reader = JSONReader(text)
    let scratch = JSONScratch()
    self = try Self.read(&reader, scratch, depth: 0)
    try reader.end()
  }

  package subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
  package var number: Double? { if case .number(let value) = self { value } else { nil } }
  package var isNull: Bool { if case .null = self { true } else { false } }
  /// A number that is an integer of at most 2^53.
  package var int: Int? {
    guard case .number(let value) = self, abs(value) <= 0x1p53, value == value.rounded(.towardZero) else { return nil }
    return Int(value)
  }

  private static func read(_ reader: inout JSONReader, _ scratch: JSONScratch, depth: Int) throws(RecordFault) -> JSONValue {
    guard depth < JSONReader.maxDepth else {
      throw RecordFault(.malformed, expected: "at most \(JSONReader.maxDepth) levels of nesting", came: "more at byte \(reader.position)")
    }
    var first = true
    switch reader.peek() {
    case UInt8(ascii: "\""):
      return .string(String(decoding: try reader.string("a string").unescaped(scratch), as: UTF8.self))
    case UInt8(ascii: "{"):
      reader.position += 1
      var members: [String: JSONValue] = [:]
      while let key = try reader.nextKey(&first) {
        let name = String(decoding: try key.unescaped(scratch), as: UTF8.self)
        members[name] = try read(&reader, scratch, depth: depth + 1)
      }
      return .object(members)
    case UInt8(ascii: "["):
      reader.position += 1
      var elements: [JSONValue] = []
      while try reader.nextElement(&first) { elements.append(try read(&reader, scratch, depth: depth + 1)) }
      return .array(elements)
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool(try reader.boolean())
    case UInt8(ascii: "n"):
      try reader.literal("null")
      return .null
    default: return .number(try reader.double())
    }
  }
}
