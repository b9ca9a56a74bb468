import Sheaf

/// The `added_tokens` of tokenizer.json, with the ids that Hugging Face's tokenizers give them.
struct AddedTokensFile {
  private(set) var tokens: [AddedToken] = []
  /// What the file says otherwise.
  private(set) var notes: [String] = []

  init(_ root: FilePart, _ model: ModelFile) throws(ConfigurationError) {
    guard let parts = try root["added_tokens"]?.elements() else { return }
    // A token has the id that the model has for it, else the next one that is free: what the file says is not asked.
    var next = Int32(clamping: model.count)
    var places: [[UInt8]: Int] = [:]
    for part in parts {
      guard let bytes = part.node["content"]?.bytes.map({ Array($0) }) else { throw part.refused("has no content") }
      if bytes.isEmpty { continue }
      let text = String(decoding: bytes, as: UTF8.self)
      let known = places[bytes]
      let id = known.map { tokens[$0].id } ?? model.table.value(bytes) ?? next
      if id == next, known == nil { next = next.addingReportingOverflow(1).partialValue }
      let token = try AddedToken(part, text, id)
      if let said = part.node["id"]?.int, said != Int(id) {
        notes.append("\(part.path): added_tokens: \(text) has id \(said) there; it becomes \(id), as it does in Hugging Face's tokenizers")
      }
      if let known {
        tokens[known] = token
      } else {
        places[bytes] = tokens.count
        tokens.append(token)
      }
    }
  }

  /// The token of that text.
  func id(_ text: String) -> Int32? { tokens.first { $0.text.utf8.elementsEqual(text.utf8) }?.id }

  /// Those that are looked for in the text as it came, or in the normalised one.
  func matcher(normalized: Bool, by normalizers: [Normalizer], _ root: FilePart) throws(ConfigurationError) -> AddedTokens? {
    var chosen: [(token: AddedToken, text: [UInt8])] = []
    var texts: Set<[UInt8]> = []
    for token in tokens where token.isNormalized == normalized {
      let text = normalized ? try Self.normalize(token.text, normalizers, root) : Array(token.text.utf8)
      guard !text.isEmpty, texts.insert(text).inserted else {
        let problem = text.isEmpty ? "is nothing once it is normalized" : "is the same as another one once both are normalized"
        throw root["added_tokens"]!.refused(token.text, problem)
      }
      chosen.append((token, text))
    }
    return chosen.isEmpty ? nil : AddedTokens(chosen)
  }

  private static func normalize(_ text: String, _ normalizers: [Normalizer], _ root: FilePart) throws(ConfigurationError) -> [UInt8] {
    let bytes = Array(text.utf8)
    let normalized = bytes.withUnsafeBytes { bytes in Result { () throws(RecordFault) in try TextRun.normalize(bytes, normalizers) } }
    switch normalized {
    case .success(let bytes): return bytes
    case .failure(let fault): throw root["added_tokens"]!.refused(text, "cannot be normalized: expected \(fault.expected), came \(fault.came)")
    }
  }
}

extension AddedToken {
  fileprivate init(_ part: FilePart, _ text: String, _ id: Int32) throws(ConfigurationError) {
    let isSpecial = try part.bool("special", default: false)
    self.init(
      text: text, id: id, isNormalized: try part.bool("normalized", default: !isSpecial), isSingleWord: try part.bool("single_word", default: false),
      stripsLeft: try part.bool("lstrip", default: false), stripsRight: try part.bool("rstrip", default: false))
  }
}
