import Sheaf

extension Normalizer {
  /// The steps that a `normalizer` of tokenizer.json has.
  static func steps(_ part: FilePart?) throws(ConfigurationError) -> [Normalizer] {
    guard let part else { return [] }
    switch part.type {
    case "Sequence":
      guard let members = part["normalizers"] else { throw part.refused("has no normalizers") }
      var steps: [Normalizer] = []
      for member in try members.elements() { steps += try self.steps(member) }
      return steps
    case "BertNormalizer": return try BertNormalizer(part).steps
    case "NFC": return [.unicode(UnicodeNormalizer(.nfc))]
    case "NFD": return [.unicode(UnicodeNormalizer(.nfd))]
    case "NFKC": return [.unicode(UnicodeNormalizer(.nfkc))]
    case "NFKD": return [.unicode(UnicodeNormalizer(.nfkd))]
    case "Lowercase": return [.lowercase]
    case "StripAccents": return [.remove(.mark)]
    case "Strip": return [.strip(left: try part.bool("strip_left", default: true), right: try part.bool("strip_right", default: true))]
    case "Replace": return [.replace(Replacement(try Pattern(part), by: try part.requiredString("content")))]
    case "Prepend": return [.prepend(Array(try part.requiredString("prepend").utf8))]
    case "Nmt": return [.nmt]
    case "Precompiled":
      guard let map = Base64.decode(try part.requiredString("precompiled_charsmap")).flatMap({ PrecompiledMap($0) }) else {
        throw part["precompiled_charsmap"]!.refused("is not a map of characters as sentencepiece writes it")
      }
      return [.precompiled(map)]
    case "ByteLevel": return [.byteLevel]
    default: throw part.refusedType()
    }
  }
}

extension Pattern {
  /// The `pattern` of a part.
  init(_ part: FilePart) throws(ConfigurationError) {
    guard let pattern = part["pattern"] else { throw part.refused("has no pattern") }
    // An empty text is found everywhere, as the empty expression is.
    if let text = try pattern.string("String") {
      guard text.isEmpty else {
        self = .text(Array(text.utf8))
        return
      }
    } else if pattern["Regex"] == nil {
      throw pattern.refused("is neither a String nor a Regex")
    }
    let expression = try pattern.string("Regex") ?? ""
    let regex = Result { () throws(Regex.Invalid) in try Regex(expression) }
    switch regex {
    case .success(let regex): self = .regex(regex)
    case .failure(let error): throw pattern.refused(expression, "is not a regular expression of Oniguruma: \(error.message)")
    }
  }
}
