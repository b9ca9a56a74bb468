import Sheaf

/// The `model` of tokenizer.json: its pieces, and what makes tokens with them.
struct ModelFile {
  private let part: FilePart
  private let pieces: [BPE.Piece]
  /// The same as a table.
  let table: PieceTable

  private enum Kind: String {
    case wordPiece = "WordPiece"
    case bpe = "BPE"
    case unigram = "Unigram"
    case wordLevel = "WordLevel"
  }
  private let kind: Kind

  init(_ root: FilePart) throws(ConfigurationError) {
    guard let part = root["model"] else { throw root.refused("has no model") }
    self.part = part
    guard let kind = try Self.kind(part) else { throw part.refusedType() }
    self.kind = kind
    guard let vocabulary = part["vocab"], vocabulary.node.count > 0 else { throw part.refused("has no vocab") }
    pieces = try kind == .unigram ? Self.list(vocabulary) : Self.map(vocabulary)
    table = PieceTable(pieces)
  }

  private static func kind(_ part: FilePart) throws(ConfigurationError) -> Kind? {
    if let type = try part.string("type") { return Kind(rawValue: type) }
    // Files of before 2020 do not say.
    if part["merges"] != nil { return .bpe }
    if part["continuing_subword_prefix"] != nil { return .wordPiece }
    return part["vocab"]?.node.isArray == true ? .unigram : .wordLevel
  }

  /// Ids by their pieces.
  private static func map(_ vocabulary: FilePart) throws(ConfigurationError) -> [BPE.Piece] {
    guard vocabulary.node.isObject else { throw vocabulary.refused("is not an object") }
    var pieces: [BPE.Piece] = []
    pieces.reserveCapacity(vocabulary.node.count)
    for (name, value) in vocabulary.node.members {
      guard let id = value.int.flatMap({ Int32(exactly: $0) }), id >= 0 else {
        throw vocabulary.refused(name.string ?? "", "has no id from 0 to 2147483647")
      }
      pieces.append((name.bytes!, id))
    }
    return pieces
  }

  /// Pieces in the order of their ids, each with its score.
  private static func list(_ vocabulary: FilePart) throws(ConfigurationError) -> [BPE.Piece] {
    guard let lines = vocabulary.node.array else { throw vocabulary.refused("is not a list") }
    var pieces: [BPE.Piece] = []
    pieces.reserveCapacity(lines.count)
    for (id, line) in lines.enumerated() {
      guard let members = line.array, members.count == 2, let piece = members[0].bytes, members[1].number != nil else {
        throw vocabulary.refused("\(id)", "is not a piece and its score")
      }
      pieces.append((piece, Int32(id)))
    }
    return pieces
  }

  /// How many ids there are as Hugging Face counts them, who gives the next ones to added tokens.
  var count: Int { kind == .unigram ? pieces.count : table.count }
  var largestID: Int32 { pieces.reduce(0) { max($0, $1.value) } }

  // MARK: Models

  /// - Parameter readsBytes: words come as bytes of GPT-2's alphabet; whether they may come as the bytes themselves.
  func model(readsBytes: Bool) throws(ConfigurationError) -> (model: TokenModel, readsBytes: Bool) {
    switch kind {
    case .wordPiece:
      let wordPiece = try wordPiece()
      return (.wordPiece(WordPiece(wordPiece.vocabulary, unknown: wordPiece.unknown, maxCharacters: wordPiece.maxCharacters)), false)
    case .bpe: return try bpe(readsBytes: readsBytes)
    case .unigram: return (.unigram(try unigram()), false)
    case .wordLevel: return (.wordLevel(WordLevel(table, unknown: unknown(try part.string("unk_token") ?? "<unk>"))), false)
    }
  }

  /// The parts of a WordPiece model; `nil`: it is another one.
  func wordPieceParts() throws(ConfigurationError) -> (vocabulary: Vocabulary, unknown: UnknownToken, maxCharacters: Int)? {
    kind == .wordPiece ? try wordPiece() : nil
  }

  private func wordPiece() throws(ConfigurationError) -> (vocabulary: Vocabulary, unknown: UnknownToken, maxCharacters: Int) {
    let maxCharacters = part["max_input_chars_per_word"]?.node.int ?? 100
    let prefix = try part.string("continuing_subword_prefix") ?? "##"
    return (Vocabulary(unique, prefix: Array(prefix.utf8)), unknown(try part.string("unk_token") ?? "[UNK]"), max(0, maxCharacters))
  }

  /// Every piece once: of one that the file has twice the last counts.
  private var unique: [BPE.Piece] { pieces.filter { !$0.text.isEmpty && table.value($0.text) == $0.value } }

  private func unknown(_ name: String?) -> UnknownToken { name.map { name in table.value(name).map { .id($0) } ?? .missing(name) } ?? .none }

  private func unigram() throws(ConfigurationError) -> Unigram {
    let scores = part["vocab"]!.node.array!.map { $0.array![1].number! }
    let unknown = try part["unk_id"].map { part throws(ConfigurationError) in try part.id() }
    if let unknown, Int(unknown) >= pieces.count { throw part["unk_id"]!.refused("\(unknown)", "is not in the vocabulary") }
    return Unigram(unique, scores: scores, unknown: unknown, fallsBackToBytes: try part.bool("byte_fallback", default: false))
  }

  private func bpe(readsBytes: Bool) throws(ConfigurationError) -> (model: TokenModel, readsBytes: Bool) {
    if let dropout = part["dropout"], dropout.node.number != 0 {
      throw dropout.refused("\(dropout.node.number ?? 0)", "would make other tokens of the same text every time, which is not supported")
    }
    var options = BPE.Options(
      prefix: try part.bytes("continuing_subword_prefix"), suffix: try part.bytes("end_of_word_suffix"),
      unknown: unknown(try part.string("unk_token")), fusesUnknown: try part.bool("fuse_unk", default: false),
      fallsBackToBytes: try part.bool("byte_fallback", default: false),
      ignoresMerges: try part.bool("ignore_merges", default: false))
    options.readsBytes = readsBytes && BPE.canReadBytes(table, options)
    return (.bpe(BPE(unique, table, merges: try merges(prefix: options.prefix.count), options)), options.readsBytes)
  }

  private func merges(prefix: Int) throws(ConfigurationError) -> [(left: Int32, right: Int32, merged: Int32)] {
    guard let part = part["merges"], let lines = part.node.array else { throw part.refused("has no merges") }
    var merges: [(left: Int32, right: Int32, merged: Int32)] = []
    merges.reserveCapacity(lines.count)
    for line in lines {
      guard let (left, right) = Self.pair(line) else { throw part.refused(line.string ?? "", "is not a pair of pieces") }
      if left.isEmpty && right.isEmpty { continue }
      guard let leftID = table.value(left), let rightID = table.value(right), right.count >= prefix,
        let merged = table.value(left + right.dropFirst(prefix))
      else {
        let pair = "\(String(decoding: left, as: UTF8.self)) \(String(decoding: right, as: UTF8.self))"
        throw part.refused(pair, "has a piece that is not in the vocabulary")
      }
      merges.append((leftID, rightID, merged))
    }
    return merges
  }

  /// Two pieces, as a list, or as one text with a blank between them; both empty for the line that names the format's version.
  private static func pair(_ line: JSONNode) -> (left: ArraySlice<UInt8>, right: ArraySlice<UInt8>)? {
    if let pair = line.array {
      guard pair.count == 2, let left = pair[0].bytes, let right = pair[1].bytes else { return nil }
      return (left, right)
    }
    guard let text = line.bytes else { return nil }
    if text.starts(with: "#version".utf8) { return ([], []) }
    let parts = text.split(separator: 0x20, omittingEmptySubsequences: false)
    return parts.count == 2 ? (parts[0], parts[1]) : nil
  }
}
