import Sheaf

/// BERT's normaliser, as a file has it.
struct BertNormalizer: Sendable {
  let cleansText: Bool
  let separatesIdeographs: Bool
  let stripsAccents: Bool
  let lowercases: Bool

  init(_ part: FilePart) throws(ConfigurationError) {
    cleansText = try part.bool("clean_text", default: true)
    separatesIdeographs = try part.bool("handle_chinese_chars", default: true)
    lowercases = try part.bool("lowercase", default: true)
    // null: as the original BERT, with the case.
    stripsAccents = try part.bool("strip_accents", default: lowercases)
  }

  var steps: [Normalizer] {
    var steps: [Normalizer] = []
    if cleansText || separatesIdeographs { steps.append(.clean(removesControls: cleansText, separatesIdeographs: separatesIdeographs)) }
    if stripsAccents { steps += [.unicode(UnicodeNormalizer(.nfd)), .remove(.nonspacingMark)] }
    if lowercases { steps.append(.lowercase) }
    return steps
  }
}
