import Glibc
import SheafTesting
import Testing

@testable import Sheaf
@testable import SheafModels

/// Writes a folder with these files and removes it in the end.
func withTokenizerFolder<T>(_ files: [String: String], _ body: (String) throws -> T) throws -> T {
  var template = Array("/tmp/sheaf-tokenizer-XXXXXX".utf8CString)
  let folder = String(cString: try #require(mkdtemp(&template)))
  defer {
    for name in files.keys { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }
  for (name, text) in files {
    let file = try #require(fopen("\(folder)/\(name)", "wb"))
    fputs(text, file)
    fclose(file)
  }
  return try body(folder)
}

extension Tokenizer {
  /// All that a tokenizer says of a text or a pair of texts.
  func encode(_ text: String, _ pair: String? = nil, wantsPlaces: Bool = false) throws -> TokenSequence {
    var tokens = TokenSequence()
    tokens.wantsPlaces = wantsPlaces
    try Array(text.utf8).withUnsafeBytes { text in
      guard let pair else { return try encode(text, pair: nil, into: &tokens) }
      try Array(pair.utf8).withUnsafeBytes { try encode(text, pair: $0, into: &tokens) }
    }
    return tokens
  }

  func ids(_ text: [UInt8]) throws -> [Int] {
    var tokens = TokenSequence()
    try text.withUnsafeBytes { try encode($0, pair: nil, into: &tokens) }
    return tokens.ids.map { Int($0) }
  }

  func ids(_ text: String) throws -> [Int] { try ids(Array(text.utf8)) }
}

/// A file of Tests/Expectations.
func expectations(_ name: String) throws -> JSONNode {
  let file = try FilePart(file: SheafHome.packageRoot + "/Tests/Expectations/" + name)
  return try #require(file, "\(name) is not there").node
}

/// Where the models of the set-up are: SHEAF_HOME, else .sheaf beside Package.swift.
enum SheafHome {
  static let packageRoot = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

  static func model(_ name: String) throws -> String {
    let home = getenv("SHEAF_HOME").map { String(cString: $0) } ?? packageRoot + "/.sheaf"
    let folder = "\(home)/models/\(name)"
    try #require(
      access(folder + "/tokenizer.json", R_OK) == 0, "\(folder)/tokenizer.json is not there: set the models up, or point SHEAF_HOME to where they are")
    return folder
  }
}
