import Sheaf

/// How long a text may become, as sentence-transformers takes it.
struct LengthLimit {
  let length: Int
  /// Who says what, where not all say the same.
  var notes: [String] = []

  /// What is said where nobody says anything.
  private static let fallback = 512
  /// Larger numbers mean that nobody has said.
  private static let largest = 1_000_000

  /// Models that count positions from behind the padding's on.
  private static let offsetModels: Set = [
    "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text", "ibert", "roberta-prelayernorm", "xmod",
    "luke", "mluke",
  ]

  init(folder: String, _ root: FilePart, _ configuration: TokenizerSurroundings, asked: Int?) throws(ConfigurationError) {
    let positions = Self.positions(configuration.model)
    if let asked {
      if let positions, asked > positions {
        throw ConfigurationError(key: "maxLength", value: "\(asked)", problem: "the model has only \(positions) positions", fix: "make it smaller")
      }
      length = asked
      return
    }
    let said = [
      ("sentence_bert_config.json's max_seq_length", configuration.sentenceBERT?["max_seq_length"]),
      ("tokenizer.json's truncation", root["truncation"]?["max_length"]),
      ("tokenizer_config.json's model_max_length", configuration.tokenizer?["model_max_length"]),
    ].compactMap { name, part in part?.node.int.flatMap { 1...Self.largest ~= $0 ? (name: name, length: $0) : nil } }
    let first = said.first?.length ?? Self.fallback
    length = min(first, positions ?? .max)
    // That a model could take more than it is used with is no contradiction.
    if said.contains(where: { $0.length != length }) {
      var clauses = said.map { "\($0.name) says \($0.length)" }
      if let positions { clauses.append("the model of config.json has \(positions) positions") }
      let said = clauses.joined(separator: ", ")
      notes.append("\(folder): how many tokens a text may have: \(said); \(length) counts; models.maxLength sets another number")
    }
  }

  static func positions(_ model: FilePart?) -> Int? {
    guard let model, let positions = model["max_position_embeddings"]?.node.int, positions >= 1 else { return nil }
    guard offsetModels.contains(model["model_type"]?.node.string ?? "") else { return positions }
    let padding = model["pad_token_id"]?.node.int ?? 1
    return positions - padding - 1 >= 1 ? positions - padding - 1 : positions
  }
}

/// The small files beside tokenizer.json, where they are there.
struct TokenizerSurroundings {
  /// config.json
  let model: FilePart?
  /// tokenizer_config.json
  let tokenizer: FilePart?
  /// special_tokens_map.json
  let specialTokens: FilePart?
  /// sentence_bert_config.json
  let sentenceBERT: FilePart?

  init(folder: String) throws(ConfigurationError) {
    model = try FilePart(file: folder + "/config.json")
    tokenizer = try FilePart(file: folder + "/tokenizer_config.json")
    specialTokens = try FilePart(file: folder + "/special_tokens_map.json")
    sentenceBERT = try FilePart(file: folder + "/sentence_bert_config.json")
  }
}
