import Sheaf

extension PreTokenizer {
  /// The steps that a `pre_tokenizer` of tokenizer.json has.
  static func steps(_ part: FilePart?) throws(ConfigurationError) -> [PreTokenizer] {
    guard let part else { return [] }
    switch part.type {
    case "Sequence":
      guard let members = part["pretokenizers"] else { throw part.refused("has no pretokenizers") }
      var steps: [PreTokenizer] = []
      for member in try members.elements() { steps += try self.steps(member) }
      return steps
    case "BertPreTokenizer":
      return [
        .split(Splitter(matcher: .characters(.space), behavior: .removed)),
        .split(Splitter(matcher: .characters(.punctuation), behavior: .isolated)),
      ]
    case "ByteLevel": return try byteLevel(part)
    case "Metaspace": return [.metaspace(try Metaspace(part))]
    case "Split": return [.split(try Splitter(part))]
    case "Whitespace": return [.split(Splitter(matcher: .wordsAndSigns, behavior: .removed, isInverted: true))]
    case "WhitespaceSplit": return [.split(Splitter(matcher: .characters(.space), behavior: .removed))]
    case "Punctuation": return [.split(Splitter(matcher: .characters(.punctuation), behavior: try part.choice("behavior", default: .isolated)))]
    case "Digits":
      return [.split(Splitter(matcher: .characters(.number), behavior: try part.bool("individual_digits", default: false) ? .isolated : .contiguous))]
    case "CharDelimiterSplit": return [.split(Splitter(matcher: .character(try character(part, "delimiter")), behavior: .removed))]
    case "UnicodeScripts":
      if let missing = Regex.missing { throw part.refused("UnicodeScripts", "needs Oniguruma's tables: \(missing)") }
      return [.scripts]
    case "FixedLength":
      let length = part["length"]?.node.int ?? 5
      guard 1...1_000_000 ~= length else { throw part.refused("\(length)", "is not a length from 1 to 1000000") }
      return [.fixedLength(length)]
    default: throw part.refusedType()
    }
  }

  private static func byteLevel(_ part: FilePart) throws(ConfigurationError) -> [PreTokenizer] {
    var steps: [PreTokenizer] = []
    if try part.bool("add_prefix_space", default: true) { steps.append(.prefixSpace) }
    if try part.bool("use_regex", default: true) { steps.append(.split(Splitter(matcher: .words(.gpt2), behavior: .isolated))) }
    return steps + [.byteAlphabet]
  }

  static func character(_ part: FilePart, _ name: StaticString) throws(ConfigurationError) -> UInt32 {
    let scalars = Array(try part.requiredString(name).unicodeScalars)
    guard scalars.count == 1 else { throw part[name]!.refused("is not one character") }
    return scalars[0].value
  }
}

extension Metaspace {
  init(_ part: FilePart) throws(ConfigurationError) {
    let character = UnicodeScalar(try PreTokenizer.character(part, "replacement"))!
    // Older files say whether, not where.
    let scheme: Scheme = try part.bool("add_prefix_space", default: true) ? .always : .never
    self.init(
      replacement: Array(String(character).utf8), scheme: try part.choice("prepend_scheme", default: scheme),
      splits: try part.bool("split", default: true))
  }
}

extension Splitter {
  fileprivate init(_ part: FilePart) throws(ConfigurationError) {
    guard part["behavior"] != nil else { throw part.refused("has no behavior") }
    let matcher: Matcher
    if let expression = try part["pattern"]?.string("Regex"), let words = WordPattern(expression) {
      matcher = .words(words)
    } else {
      matcher = .pattern(try Pattern(part))
    }
    self.init(matcher: matcher, behavior: try part.choice("behavior", default: .isolated), isInverted: try part.bool("invert", default: false))
  }
}
