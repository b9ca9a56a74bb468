import Glibc
import Sheaf

/// Reads the files of a tokenizer as Hugging Face's libraries write them, and refuses, by name, what Sheaf's does not do.
struct TokenizerFile {
  private let folder: String
  private let root: FilePart
  private let configuration: TokenizerSurroundings
  private let model: ModelFile
  private let added: AddedTokensFile

  static func exists(in folder: String) -> Bool { access(folder + "/tokenizer.json", R_OK) == 0 }

  init(folder: String) throws(ConfigurationError) {
    self.folder = folder
    guard let root = try FilePart(file: folder + "/tokenizer.json") else {
      throw ConfigurationError(
        key: "tokenizer", value: folder + "/tokenizer.json", problem: "cannot be read",
        fix: "put the model's tokenizer.json there, or use format json with input ids")
    }
    self.root = root
    configuration = try TokenizerSurroundings(folder: folder)
    model = try ModelFile(root)
    added = try AddedTokensFile(root, model)
  }

  func steps() throws(ConfigurationError) -> TokenizerSteps {
    let normalizers = try Normalizer.steps(root["normalizer"])
    // sentence-transformers lowers texts before its tokenizer sees them; one that does it itself gives the same.
    let lowers = normalizers.contains { if case .lowercase = $0 { true } else { false } }
    if let part = configuration.sentenceBERT?["do_lower_case"], part.node.bool == true, !lowers {
      throw part.refused("true", "is not done, and the tokenizer does not lower texts itself", fix: "set it to false and send texts in lower case, or use format json with input ids")
    }
    var preTokenizers = try PreTokenizer.steps(root["pre_tokenizer"])
    // A vocabulary of bytes is asked with bytes: writing them in its alphabet first is saved.
    var isLastAlphabet = false
    if case .byteAlphabet = preTokenizers.last { isLastAlphabet = true }
    let (model, readsBytes) = try model.model(readsBytes: isLastAlphabet)
    if readsBytes { preTokenizers.removeLast() }
    return TokenizerSteps(
      rawTokens: try added.matcher(normalized: false, by: normalizers, root), normalizers: normalizers,
      normalizedTokens: try added.matcher(normalized: true, by: normalizers, root), preTokenizers: preTokenizers, model: model)
  }

  /// What the one-pass scanner of BERT's tokenizers needs; `nil`: the tokenizer is not quite one of these.
  func bert() throws(ConfigurationError) -> BertTables? {
    guard let normalizer = Self.only(root["normalizer"], "normalizers"), normalizer.type == "BertNormalizer",
      Self.only(root["pre_tokenizer"], "pretokenizers")?.type == "BertPreTokenizer",
      let (vocabulary, unknown, maxCharacters) = try model.wordPieceParts(), case .id(let unknownID) = unknown, 1...10_000 ~= maxCharacters,
      added.tokens.allSatisfy({ !$0.isNormalized && !$0.isSingleWord })
    else { return nil }
    return BertTables(try BertNormalizer(normalizer), vocabulary, unknownID: unknownID, maxWordCharacters: maxCharacters, added.tokens)
  }

  /// The part itself, or the only one of a sequence.
  private static func only(_ part: FilePart?, _ members: StaticString) -> FilePart? {
    guard let part, part.type == "Sequence" else { return part }
    guard let members = try? part[members]?.elements(), members.count == 1 else { return nil }
    return members[0]
  }

  func postProcessor() throws(ConfigurationError) -> PostProcessor { try PostProcessor(root["post_processor"]) }

  func truncation(_ asked: Tokenizer.Truncation?) throws(ConfigurationError) -> TextTruncation {
    let part = root["truncation"]
    let side = part?["direction"]?.node.string ?? configuration.tokenizer?["truncation_side"]?.node.string ?? ""
    return TextTruncation(
      side: asked ?? (side.lowercased() == "left" ? .start : .end), strategy: try part?.choice("strategy", default: .longestFirst) ?? .longestFirst)
  }

  func limit(_ asked: Int?) throws(ConfigurationError) -> LengthLimit { try LengthLimit(folder: folder, root, configuration, asked: asked) }

  var notes: [String] { added.notes }

  /// The largest id and one.
  func vocabularySize(_ processor: PostProcessor) -> Int {
    max(Int(added.tokens.reduce(model.largestID) { max($0, $1.id) }), Int(processor.largestID)) + 1
  }

  /// What Hugging Face pads with.
  var padID: Int64 {
    if let id = root["padding"]?["pad_id"]?.node.int { return Int64(id) }
    for file in [configuration.tokenizer, configuration.specialTokens] {
      guard let token = file?["pad_token"] else { continue }
      if let name = token.node.string ?? token["content"]?.node.string, let id = id(name) { return id }
    }
    if let id = configuration.model?["pad_token_id"]?.node.int, id >= 0 { return Int64(id) }
    return id("[PAD]") ?? id("<pad>") ?? 0
  }

  private func id(_ text: String) -> Int64? { (added.id(text) ?? model.table.value(text)).map { Int64($0) } }
}
