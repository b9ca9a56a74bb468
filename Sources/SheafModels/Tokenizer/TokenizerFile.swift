import Glibc
import Sheaf

/// Reads a Hugging Face model folder and refuses, by name, what Sheaf's tokenizer does not do.
struct TokenizerFile {
  private let folder: String
  private let root: JSONValue
  private var path: String { folder + "/tokenizer.json" }

  static func exists(in folder: String) -> Bool { access(folder + "/tokenizer.json", R_OK) == 0 }

  init(folder: String) throws(ConfigurationError) {
    self.folder = folder
    guard let root = try Self.read(folder + "/tokenizer.json") else {
      throw ConfigurationError(
        key: "tokenizer", value: folder + "/tokenizer.json", problem: "cannot be read", fix: "put the model's tokenizer.json there, or use format json with input ids")
    }
    self.root = root
  }

  func settings(maxLength: Int?, truncation: Tokenizer.Truncation?) throws(ConfigurationError) -> TokenizerSettings {
    let model = try part("model", "WordPiece")
    let normalizer = try part("normalizer", "BertNormalizer")
    _ = try part("pre_tokenizer", "BertPreTokenizer")
    let pieces = try vocabulary(model)
    let unknown = model["unk_token"]?.string ?? "[UNK]"
    guard let unknownID = pieces[unknown] else { throw unsupported("model.unk_token", unknown, "is not in the vocabulary") }
    let maxWordCharacters = model["max_input_chars_per_word"]?.int ?? 100
    guard 1...10_000 ~= maxWordCharacters else {
      throw unsupported("model.max_input_chars_per_word", "\(maxWordCharacters)", "is not within 1 to 10000")
    }
    let lowercases = normalizer["lowercase"]?.bool ?? true
    let (before, after) = try template()
    let longest = try limit(maxLength)
    guard longest > before.count + after.count else {
      throw ConfigurationError(
        key: "maxLength", value: "\(longest)", problem: "has no room beside \(before.count + after.count) special tokens", fix: "make it larger")
    }
    guard longest <= 1_000_000 else {
      throw ConfigurationError(key: "maxLength", value: "\(longest)", problem: "is more than 1000000 tokens", fix: "set what the model can take")
    }
    return TokenizerSettings(
      pieces: pieces,
      continuationPrefix: model["continuing_subword_prefix"]?.string ?? "##",
      unknownID: unknownID,
      maxWordCharacters: maxWordCharacters,
      cleansText: normalizer["clean_text"]?.bool ?? true,
      separatesIdeographs: normalizer["handle_chinese_chars"]?.bool ?? true,
      stripsAccents: normalizer["strip_accents"]?.bool ?? lowercases,  // null: as the original BERT, with the case.
      lowercases: lowercases,
      addedTokens: try addedTokens(),
      before: before,
      after: after,
      padID: root["padding"]?["pad_id"]?.int.flatMap { Int32(exactly: $0) } ?? pieces["[PAD]"] ?? 0,
      maxLength: longest,
      truncation: truncation ?? (root["truncation"]?["direction"]?.string == "Left" ? .start : .end))
  }

  /// A part of the pipeline that has to be of one type.
  private func part(_ key: String, _ type: String) throws(ConfigurationError) -> JSONValue {
    guard let part = root[key], !part.isNull else { throw unsupported(key, "null", "is not supported, only \(type) is") }
    // Files of before 2020 name no type for the model.
    let came = part["type"]?.string ?? (key == "model" && part["continuing_subword_prefix"] != nil ? type : "without a type")
    guard came == type else { throw unsupported("\(key).type", came, "is not supported, only \(type) is") }
    return part
  }

  private func vocabulary(_ model: JSONValue) throws(ConfigurationError) -> [String: Int32] {
    guard let members = model["vocab"]?.object, !members.isEmpty else { throw unsupported("model.vocab", "", "is missing") }
    var pieces: [String: Int32] = [:]
    pieces.reserveCapacity(members.count)
    for (piece, value) in members {
      guard let id = value.int, let narrow = Int32(exactly: id), narrow >= 0 else { throw unsupported("model.vocab", piece, "has no id within 0 to 2^31") }
      pieces[piece] = narrow
    }
    return pieces
  }

  private func addedTokens() throws(ConfigurationError) -> [(text: String, id: Int32)] {
    var tokens: [(text: String, id: Int32)] = []
    for token in root["added_tokens"]?.array ?? [] {
      guard let text = token["content"]?.string, !text.isEmpty, let id = token["id"]?.int, let narrow = Int32(exactly: id) else {
        throw unsupported("added_tokens", token["content"]?.string ?? "", "has no content or no id")
      }
      // lstrip and rstrip only take blanks away, which are dropped anyway.
      if token["normalized"]?.bool ?? false { throw unsupported("added_tokens.normalized", text, "true is not supported") }
      if token["single_word"]?.bool ?? false { throw unsupported("added_tokens.single_word", text, "true is not supported") }
      tokens.append((text, narrow))
    }
    return tokens
  }

  /// The ids that the post-processor puts before and after a single text.
  private func template() throws(ConfigurationError) -> (before: [Int32], after: [Int32]) {
    guard let processor = root["post_processor"], !processor.isNull else { return ([], []) }
    let type = processor["type"]?.string ?? "without a type"
    switch type {
    case "BertProcessing":
      guard let first = processor["cls"]?.array?.last?.int.flatMap({ Int32(exactly: $0) }),
        let last = processor["sep"]?.array?.last?.int.flatMap({ Int32(exactly: $0) })
      else { throw unsupported("post_processor", type, "has no cls or no sep") }
      return ([first], [last])
    case "TemplateProcessing":
      var before: [Int32] = []
      var after: [Int32] = []
      var sequences = 0
      for step in processor["single"]?.array ?? [] {
        if let sequence = step["Sequence"] {
          sequences += 1
          if sequence["id"]?.string != "A" { throw unsupported("post_processor.single", type, "has a sequence other than A") }
          continue
        }
        guard let name = step["SpecialToken"]?["id"]?.string, let ids = processor["special_tokens"]?[name]?["ids"]?.array else {
          throw unsupported("post_processor.single", type, "has a step that is not known")
        }
        let narrow = ids.compactMap { $0.int.flatMap { Int32(exactly: $0) } }
        if sequences == 0 { before += narrow } else { after += narrow }
      }
      guard sequences == 1 else { throw unsupported("post_processor.single", type, "has \(sequences) sequences instead of one") }
      return (before, after)
    default: throw unsupported("post_processor.type", type, "is not supported, only TemplateProcessing and BertProcessing are")
    }
  }

  /// The most ids of a text: asked for, or what tokenizer.json truncates to, or what the model can take.
  private func limit(_ asked: Int?) throws(ConfigurationError) -> Int {
    let positions = try Self.read(folder + "/config.json")?["max_position_embeddings"]?.int
    if let asked {
      if let positions, asked > positions {
        throw ConfigurationError(key: "maxLength", value: "\(asked)", problem: "the model has only \(positions) positions", fix: "make it smaller")
      }
      return asked
    }
    if let length = root["truncation"]?["max_length"]?.int { return length }
    if let length = try Self.read(folder + "/sentence_bert_config.json")?["max_seq_length"]?.int { return length }
    // A huge number there means that nobody said.
    let said = try Self.read(folder + "/tokenizer_config.json")?["model_max_length"]?.int
    let lengths = [said, positions].compactMap { $0 }.filter { $0 <= 1_000_000 }
    return lengths.min() ?? 512
  }

  private func unsupported(_ key: String, _ value: String, _ problem: String) -> ConfigurationError {
    ConfigurationError(key: "\(path): \(key)", value: value, problem: problem, fix: "use a model with a BERT WordPiece tokenizer, or format json with input ids")
  }

  /// A JSON file; `nil` where there is none.
  private static func read(_ path: String) throws(ConfigurationError) -> JSONValue? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    let value = bytes.withUnsafeBytes { text in Result { () throws(RecordFault) in try JSONValue(text) } }
    switch value {
    case .success(let value): return value
    case .failure(let error):
      throw ConfigurationError(key: "tokenizer", value: path, problem: "is not JSON: expected \(error.expected), came \(error.came)", fix: "fetch the file again")
    }
  }
}
