/// One setting: what the reader, the help, the schema and the reference page know of it.
struct Setting: Sendable {
  enum Kind: Sendable {
    case text
    case list
    /// A whole number in a range.
    case integer(ClosedRange<Int>)
    case number
    case boolean
    /// A number and a unit of time; the range in nanoseconds.
    case duration(ClosedRange<UInt64>)
    /// A number and a unit of size; the range in bytes.
    case bytes(ClosedRange<Int>)
    case choice([String])
  }

  /// The path in the file; `*` stands for any name.
  var key: String
  var kind: Kind
  /// As it would be written; nil: none, or what the help says.
  var standard: String?
  var help: String
  var isSecret = false

  init(_ key: String, _ kind: Kind, default standard: String? = nil, _ help: String, secret: Bool = false) {
    self.key = key
    self.kind = kind
    self.standard = standard
    self.help = help
    isSecret = secret
  }

  /// SHEAF_TOPICS_REPLIES for topics.replies; nil for keys with any name in them.
  var environment: String? {
    if key.contains("*") { return nil }
    return "SHEAF_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
  }

  /// The key's names, outermost first.
  var parts: [String] { key.split(separator: ".").map(String.init) }

  /// Whether the names that lead to a value in a file are this setting's.
  func matches(_ path: [String]) -> Bool {
    let parts = parts
    return parts.count == path.count && zip(parts, path).allSatisfy { $0 == "*" || $0 == $1 }
  }

  /// Whether a path written with dots is this setting's. Names of properties and tensors may have dots in them.
  func matches(_ path: String) -> Bool {
    guard key.contains("*") else { return key == path }
    let ends = key.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
    return path.hasPrefix(ends[0]) && path.hasSuffix(ends[1]) && path.utf8.count >= key.utf8.count
  }

  /// The values it takes, in words.
  var values: String {
    switch kind {
    case .text: "text"
    case .list: "a list of texts; a,b in the environment and --set"
    case .integer(let range): range.upperBound == .max ? "a whole number from \(range.lowerBound)" : "a whole number, \(range.lowerBound) to \(range.upperBound)"
    case .number: "a number"
    case .boolean: "true or false"
    case .duration(let range): "a duration, \(Units.text(duration: range.lowerBound)) to \(Units.text(duration: range.upperBound))"
    case .bytes(let range): "a size, \(Units.text(bytes: range.lowerBound)) to \(Units.text(bytes: range.upperBound))"
    case .choice(let choices): choices.joined(separator: " | ")
    }
  }
}
