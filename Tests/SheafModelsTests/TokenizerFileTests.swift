import Testing

@testable import Sheaf
@testable import SheafModels

/// Small tokenizers of our own: settings that no real one has, what is refused, and what the other files say.
@Suite struct TokenizerFileTests {
  private static let vocabulary = ###"{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"##b":4,"É":5,"é":6,"e":7,"A":8,"##é":9,"中":10,"ab":11,"[X]":12,"i̇":13,"e\u0301":14}"###

  private func json(
    model: String? = nil, normalizer: String = #"{"type":"BertNormalizer"}"#, preTokenizer: String = #"{"type":"BertPreTokenizer"}"#,
    processor: String = #"{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]}"#, added: String = "[]", truncation: String = "null", padding: String = "null"
  ) -> String {
    let model = model ?? ###"{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":\###(Self.vocabulary)}"###
    return """
      {"truncation":\(truncation),"padding":\(padding),"added_tokens":\(added),"normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),
      "post_processor":\(processor),"model":\(model)}
      """
  }

  private func ids(_ text: String, _ json: String) throws -> [Int] {
    try withTokenizerFolder(["tokenizer.json": json]) { try Tokenizer(folder: $0).ids(text) }
  }

  @Test func nullMeansTheOriginalsDefaults() throws {
    let cased = #"{"type":"BertNormalizer","clean_text":null,"handle_chinese_chars":null,"strip_accents":null,"lowercase":false}"#
    #expect(try ids("AÉé\u{0}中ab", json(normalizer: cased)) == [1, 0, 10, 11, 2])
    #expect(try ids("É A aé", json(normalizer: cased)) == [1, 5, 8, 3, 9, 2])
    #expect(try ids("É A ab", json()) == [1, 7, 3, 11, 2])
    let accents = #"{"type":"BertNormalizer","strip_accents":false,"lowercase":true}"#
    #expect(try ids("É aé İ", json(normalizer: accents)) == [1, 6, 3, 9, 13, 2])
    let unsplit = #"{"type":"BertNormalizer","handle_chinese_chars":false}"#
    #expect(try ids("a中 中", json(normalizer: unsplit)) == [1, 0, 10, 2])
    let raw = #"{"type":"BertNormalizer","clean_text":false}"#
    #expect(try ids("a\u{b}a\u{85}a a\u{1}", json(normalizer: raw)) == [1, 3, 3, 3, 0, 2])
  }

  /// Swift's strings take é and e with an accent for equal.
  @Test func piecesAreToldApartByTheirBytes() throws {
    let cased = #"{"type":"BertNormalizer","lowercase":false}"#
    #expect(try ids("\u{e9} e\u{301}", json(normalizer: cased)) == [1, 6, 14, 2])
  }

  @Test func addedTokensHaveTheIdsThatHuggingFaceGivesThem() throws {
    #expect(try ids("a b", json(processor: "null")) == [3, 0])
    let added = #"[{"id":20,"content":"abc","special":true},{"id":16,"content":"ß","normalized":false},{"id":11,"content":"ab","normalized":false}]"#
    try withTokenizerFolder(["tokenizer.json": json(added: added)]) { folder in
      let tokenizer = try Tokenizer(folder: folder)
      #expect(try tokenizer.ids("aababcßa a") == [1, 3, 11, 15, 16, 3, 3, 2])
      #expect(tokenizer.notes.count == 1 && tokenizer.notes[0].contains("abc has id 20 there; it becomes 15"))
      #expect(tokenizer.vocabularySize == 17)
    }
  }

  @Test func padding() throws {
    let files = [
      "tokenizer.json": json(padding: #"{"pad_id":9}"#), "tokenizer_config.json": #"{"pad_token":"a"}"#,
      "special_tokens_map.json": #"{"pad_token":{"content":"[X]"}}"#, "config.json": #"{"pad_token_id":5}"#,
    ]
    func padID(_ files: [String: String]) throws -> Int64 { try withTokenizerFolder(files) { try Tokenizer(folder: $0).padID } }
    let said = try padID(files)
    #expect(said == 9)
    var fewer = files.merging(["tokenizer.json": json()]) { $1 }
    for (name, id) in [("tokenizer_config.json", 3), ("special_tokens_map.json", 12), ("config.json", 5)] {
      let found = try padID(fewer)
      #expect(found == id)
      fewer[name] = nil
    }
    let fallback = try padID(fewer)
    #expect(fallback == 0)
    let named = try padID(["tokenizer.json": json(added: #"[{"id":15,"content":"<pad>","special":true}]"#)])
    #expect(named == 15)
  }

  /// sentence-transformers would lower the text first: that is not left out in silence.
  @Test func lowerCaseThatTheTokenizerDoesNotMakeIsRefused() throws {
    let asked = ["sentence_bert_config.json": #"{"do_lower_case":true}"#]
    let cased = json(normalizer: #"{"type":"NFC"}"#), lowering = json(normalizer: #"{"type":"Lowercase"}"#)
    let error = #expect(throws: ConfigurationError.self) { try withTokenizerFolder(asked.merging(["tokenizer.json": cased]) { $1 }) { try Tokenizer(folder: $0) } }
    #expect(error?.key.contains("do_lower_case") == true)
    _ = try withTokenizerFolder(asked.merging(["tokenizer.json": lowering]) { $1 }) { try Tokenizer(folder: $0) }
  }

  // MARK: Lengths

  @Test func theLimitComesFromTheFirstThatHasOne() throws {
    let truncation = #"{"max_length":7,"strategy":"LongestFirst","stride":0,"direction":"Left"}"#
    let files = [
      "tokenizer.json": json(truncation: truncation), "sentence_bert_config.json": #"{"max_seq_length":6}"#, "tokenizer_config.json": #"{"model_max_length":5}"#,
      "config.json": #"{"max_position_embeddings":12}"#,
    ]
    func limit(_ files: [String: String]) throws -> (Int, [String]) {
      try withTokenizerFolder(files) { folder in
        let tokenizer = try Tokenizer(folder: folder)
        return (tokenizer.maxLength, tokenizer.notes)
      }
    }
    let (length, notes) = try limit(files)
    #expect(length == 6 && notes.count == 1)
    #expect(notes[0].hasSuffix(
      "sentence_bert_config.json's max_seq_length says 6, tokenizer.json's truncation says 7, tokenizer_config.json's model_max_length says 5, the model of config.json has 12 positions; 6 counts; models.maxLength sets another number"))
    try withTokenizerFolder(files) { folder in
      let tokenizer = try Tokenizer(folder: folder)
      #expect(tokenizer.truncation == .start)
      #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder, maxLength: 13) }
      #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder, maxLength: 2) }
      #expect(try Tokenizer(folder: folder, maxLength: 3, truncation: .end).ids("a ab") == [1, 3, 2])
      let asked = try Tokenizer(folder: folder, maxLength: 12)
      #expect(asked.notes.isEmpty)
    }
    var fewer = files
    for (name, length) in [("sentence_bert_config.json", 7), ("tokenizer.json", 5), ("tokenizer_config.json", 12), ("config.json", 512)] {
      fewer[name] = name == "tokenizer.json" ? json() : nil
      let (found, notes) = try limit(fewer)
      #expect(found == length && notes.isEmpty == (length != 7))
    }
    let huge = ["tokenizer.json": json(), "tokenizer_config.json": #"{"model_max_length":1000000000000000019884624838656,"truncation_side":"left"}"#]
    let (unsaid, _) = try limit(huge)
    #expect(unsaid == 512)
    let side = try withTokenizerFolder(huge) { try Tokenizer(folder: $0).truncation }
    #expect(side == .start)
  }

  @Test(arguments: [
    (#"{"model_type":"roberta","max_position_embeddings":514,"pad_token_id":1}"#, 512), (#"{"model_type":"mpnet","max_position_embeddings":514}"#, 512),
    (#"{"model_type":"bert","max_position_embeddings":514}"#, 514), (#"{"max_position_embeddings":-1}"#, 1000), (#"{"model_type":"xlm-roberta","max_position_embeddings":8194}"#, 1000),
  ]) func neverBeyondThePositions(configuration: String, length: Int) throws {
    let files = ["tokenizer.json": json(), "sentence_bert_config.json": #"{"max_seq_length":1000}"#, "config.json": configuration]
    try withTokenizerFolder(files) { folder in
      let tokenizer = try Tokenizer(folder: folder)
      #expect(tokenizer.maxLength == length)
      #expect(tokenizer.notes.isEmpty == (length == 1000))
    }
  }

  // MARK: Pairs

  @Test func pairs() throws {
    let files = ["tokenizer.json": json()]
    try withTokenizerFolder(files) { folder in
      let tokens = try Tokenizer(folder: folder).encode("a", "ab a", wantsPlaces: true)
      #expect(tokens.ids == [1, 3, 2, 11, 3, 2] && tokens.types == [0, 0, 0, 1, 1, 1])
      #expect(tokens.places.map(\.start) == [0, 0, 0, 0, 3, 0] && tokens.places.map(\.end) == [0, 1, 0, 2, 4, 0])
      let small = try Tokenizer(folder: folder, maxLength: 6)
      #expect(try small.encode("a a a", "ab a ab a").ids == [1, 3, 2, 11, 3, 2])
      #expect(try small.encode("a", "ab a ab a").ids == [1, 3, 2, 11, 3, 2])
      let none = try Tokenizer(folder: folder, maxLength: 3)
      let fault = #expect(throws: RecordFault.self) { try none.encode("a", "a") }
      #expect(fault?.code == .tooLarge)
      let error = try Tokenizer(folder: folder, maxLength: 6, truncation: .error)
      #expect(try error.encode("a", "ab a").ids.count == 6)
      #expect(throws: RecordFault.self) { try error.encode("a a", "ab a") }
      #expect(throws: RecordFault.self) { try error.ids([0x61, 0xFF]) }
    }
    let alone = #"{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{}}"#
    try withTokenizerFolder(["tokenizer.json": json(processor: alone)]) { folder in
      let tokenizer = try Tokenizer(folder: folder)
      #expect(!tokenizer.takesPairs)
      #expect(throws: RecordFault.self) { try tokenizer.encode("a", "a") }
    }
  }

  // MARK: Refusals

  @Test func whatIsNotSupportedIsRefusedByName() throws {
    func split(_ members: String) -> String { json(preTokenizer: #"{"type":"Split",\#(members)}"#) }
    func bpe(_ members: String) -> String { json(model: #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},\#(members)}"#) }
    func template(_ single: String) -> String {
      json(processor: #"{"type":"TemplateProcessing","single":\#(single),"pair":[],"special_tokens":{"[CLS]":{"ids":[1]}}}"#)
    }
    let refused = [
      (json(model: #"{"type":"Neural"}"#), "model.type: Neural: is not supported"), (json(model: #"{"type":"BPE","vocab":[]}"#), "vocab"),
      (json(normalizer: #"{"type":"Upper"}"#), "normalizer.type: Upper"),
      (json(normalizer: #"{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Upper"}]}"#), "normalizer.normalizers[1].type: Upper"),
      (json(normalizer: #"{"type":"Replace","pattern":{"Regex":"("},"content":""}"#), "is not a regular expression of Oniguruma: end pattern with unmatched parenthesis"),
      (json(normalizer: #"{"type":"Precompiled","precompiled_charsmap":"AA=="}"#), "precompiled_charsmap"),
      (json(normalizer: #"{"type":"BertNormalizer","lowercase":"yes"}"#), "normalizer.lowercase: is neither true nor false"),
      (json(preTokenizer: #"{"type":"Sentences"}"#), "pre_tokenizer.type: Sentences"), (split(#""pattern":{"String":"a"},"behavior":"Kept""#), "behavior: Kept"),
      (split(#""pattern":{"Glob":"a"},"behavior":"Removed""#), "is neither a String nor a Regex"),
      (json(preTokenizer: #"{"type":"Metaspace","replacement":"ab"}"#), "is not one character"),
      (json(preTokenizer: #"{"type":"Metaspace","replacement":"a","prepend_scheme":"last"}"#), "prepend_scheme: last"),
      (json(preTokenizer: #"{"type":"FixedLength","length":0}"#), "is not a length"),
      (bpe(#""merges":["a b","b c"]"#), "merges: b c: has a piece that is not in the vocabulary"), (bpe(#""merges":["a b c"]"#), "is not a pair"),
      (bpe(#""merges":[],"dropout":0.1"#), "dropout: 0.1"), (json(model: #"{"type":"Unigram","vocab":[["a",0]],"unk_id":1}"#), "unk_id: 1"),
      (json(model: #"{"type":"Unigram","vocab":[["a"]]}"#), "is not a piece and its score"),
      (json(model: #"{"type":"WordLevel","vocab":{"a":-1}}"#), "vocab: a: has no id"),
      (json(processor: #"{"type":"Signature"}"#), "post_processor.type: Signature"), (json(processor: #"{"type":"BertProcessing","sep":["a"],"cls":["a",1]}"#), "has no sep"),
      (template(#"[{"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}}]"#), "has not one place for a text but 2"), (template(#"[{"Sequence":{"id":"B"}}]"#), "second text"),
      (template(#"[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"[SEP]"}}]"#), "[SEP]: is not among the special_tokens"),
      (json(processor: #"{"type":"Sequence","processors":[{"type":"BertProcessing","sep":["a",1],"cls":["a",1]},{"type":"BertProcessing","sep":["a",1],"cls":["a",1]}]}"#), "BertProcessing: is not the last of its sequence"),
      (json(normalizer: #"{"type":"Lowercase"}"#, added: #"[{"content":"Ab"},{"content":"ab"}]"#), "ab: is the same as another one"),
      (json(truncation: #"{"max_length":100,"strategy":"Shortest"}"#), "truncation.strategy: Shortest"),
      ("{", "is not JSON"), ("{}", "model"), ("[1,2", "is not JSON: expected a comma or the end of an array at byte 4"), (#"{"model":"\#u{1}"}"#, "no control character"),
    ]
    for (text, words) in refused {
      try withTokenizerFolder(["tokenizer.json": text]) { folder in
        let error = #expect(throws: ConfigurationError.self, "\(words)") { try Tokenizer(folder: folder) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
      }
    }
    try withTokenizerFolder(["tokenizer.json": json()]) { folder in
      let error = #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder, maxLength: 1_000_001) }
      #expect(error?.key == "maxLength")
    }
    try withTokenizerFolder([:]) { folder in
      #expect(!Tokenizer.exists(in: folder))
      #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder) }
    }
  }

  /// What only some texts need is missed only there.
  @Test func whatIsUnknownWithoutATokenForItIsTheTextsFault() throws {
    let models = [
      ###"{"type":"WordPiece","unk_token":"<no>","continuing_subword_prefix":"##","max_input_chars_per_word":9,"vocab":{"a":0}}"###, #"{"type":"WordLevel","unk_token":"<no>","vocab":{"a":0}}"#,
      #"{"type":"BPE","unk_token":"<no>","vocab":{"a":0},"merges":[]}"#, #"{"type":"Unigram","vocab":[["a",0]]}"#,
    ]
    for model in models {
      try withTokenizerFolder(["tokenizer.json": json(model: model, processor: "null")]) { folder in
        let tokenizer = try Tokenizer(folder: folder)
        #expect(try tokenizer.ids("a a") == [0, 0])
        let fault = #expect(throws: RecordFault.self) { try tokenizer.ids("a z") }
        #expect(fault?.code == .unsupported)
      }
    }
  }
}
