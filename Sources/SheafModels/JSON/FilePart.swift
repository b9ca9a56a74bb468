import Glibc
import Sheaf

/// A part of one of a tokenizer's files, that knows where it stands so that it can be refused by name.
struct FilePart {
  let node: JSONNode
  /// As in `model.vocab`.
  let key: String
  let path: String

  /// A whole file; `nil`: there is none.
  init?(file path: String) throws(ConfigurationError) {
    guard let bytes = readWhole(path) else { return nil }
    try self.init(bytes[...], path: path)
  }

  /// - Parameter path: of the file that they are of.
  init(_ bytes: ArraySlice<UInt8>, path: String) throws(ConfigurationError) {
    let tree = bytes.withUnsafeBytes { text in Result { () throws(JSONTree.Invalid) in try JSONTree(text) } }
    switch tree {
    case .success(let tree): self.init(node: tree.root, key: "", path: path)
    case .failure(let error): throw ConfigurationError(key: "model", value: path, problem: error.problem, fix: "fetch the file again")
    }
  }

  private init(node: JSONNode, key: String, path: String) {
    self.node = node
    self.key = key
    self.path = path
  }

  /// A member that is there and not null.
  subscript(name: StaticString) -> FilePart? {
    node[name].map { FilePart(node: $0, key: key.isEmpty ? "\(name)" : "\(key).\(name)", path: path) }
  }

  /// The elements of an array. - Throws: where it is none.
  func elements() throws(ConfigurationError) -> [FilePart] {
    guard let elements = node.array else { throw refused("is not a list") }
    return elements.enumerated().map { FilePart(node: $1, key: "\(key)[\($0)]", path: path) }
  }

  // MARK: Members of one type

  func bool(_ name: StaticString, default value: Bool) throws(ConfigurationError) -> Bool {
    guard let part = self[name] else { return value }
    guard let bool = part.node.bool else { throw part.refused("is neither true nor false") }
    return bool
  }

  func string(_ name: StaticString) throws(ConfigurationError) -> String? {
    guard let part = self[name] else { return nil }
    guard let string = part.node.string else { throw part.refused("is not a text") }
    return string
  }

  func requiredString(_ name: StaticString) throws(ConfigurationError) -> String {
    guard let string = try string(name) else { throw refused("has no \(name)") }
    return string
  }

  func bytes(_ name: StaticString) throws(ConfigurationError) -> [UInt8] { Array(try string(name)?.utf8 ?? "".utf8) }

  /// One of the cases of an enumeration.
  func choice<Choice: RawRepresentable<String>>(_ name: StaticString, default value: Choice) throws(ConfigurationError) -> Choice {
    guard let string = try string(name) else { return value }
    guard let choice = Choice(rawValue: string) else { throw self[name]!.refused(string, "is not supported") }
    return choice
  }

  /// The value itself as an id.
  func id() throws(ConfigurationError) -> Int32 {
    guard let id = node.int.flatMap({ Int32(exactly: $0) }), id >= 0 else { throw refused("is not a number from 0 to 2147483647") }
    return id
  }

  /// What the part says it is.
  var type: String { node["type"]?.string ?? "without a type" }

  // MARK: Refusals

  private static let fix = "use a model with another tokenizer, or format json with input ids"

  func refused(_ problem: String) -> ConfigurationError { refused("", problem) }

  func refused(_ value: String, _ problem: String, fix: String = Self.fix) -> ConfigurationError {
    ConfigurationError(key: key.isEmpty ? path : "\(path): \(key)", value: value, problem: problem, fix: fix)
  }

  /// Of the type itself.
  func refusedType() -> ConfigurationError {
    ConfigurationError(key: "\(path): \(key).type", value: type, problem: "is not supported", fix: Self.fix)
  }
}
