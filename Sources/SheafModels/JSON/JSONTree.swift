import Sheaf

/// A JSON text as a tree that tells strings apart by their bytes: vocabularies have pieces that Swift's strings take for equal.
final class JSONTree: Sendable {
  enum Kind: UInt8 {
    case null, bool, number, string, array, object
  }
  struct Node {
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
    var parser = JSONParser(bytes)
    try parser.document()
    nodes = parser.nodes
    text = parser.text
  }

  var root: JSONNode { JSONNode(tree: self, index: 0) }
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
