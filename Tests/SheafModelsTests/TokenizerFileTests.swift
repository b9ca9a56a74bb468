import Glibc
import Testing

@testable import Sheaf
@testable import SheafModels

/// Small tokenizers of our own: settings that MiniLM's has not, and what is refused.
@Suite struct TokenizerFileTests {
  private static let vocabulary = ###"{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"##b":4,"É":5,"é":6,"e":7,"A":8,"##é":9,"中":10,"ab":11,"[X]":12,"i̇":13}"###

  /// Writes a folder with these files and removes it in the end.
  private func withFolder<T>(_ files: [String: String], _ body: (String) throws -> T) throws -> T {
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

  private func json(
    model: String = "WordPiece", normalizer: String = #"{"type":"BertNormalizer"}"#, preTokenizer: String = #"{"type":"BertPreTokenizer"}"#,
    processor: String = #"{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]}"#, added: String = "[]", truncation: String = "null"
  ) -> String {
    """
    {"truncation":\(truncation),"padding":null,"added_tokens":\(added),"normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),
    "post_processor":\(processor),"model":{"type":"\(model)","unk_token":"[UNK]","continuing_subword_prefix":"##","vocab":\(Self.vocabulary)}}
    """
  }

  private func ids(_ text: String, _ json: String) throws -> [Int] {
    try withFolder(["tokenizer.json": json]) { try Tokenizer(folder: $0).ids(text) }
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

  @Test func processorsAndAddedTokens() throws {
    #expect(try ids("a b", json(processor: "null")) == [3, 0])
    let template =
      #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],"special_tokens":{"[CLS]":{"id":"[CLS]","ids":[1],"tokens":[]},"[SEP]":{"id":"[SEP]","ids":[2],"tokens":[]}}}"#
    #expect(try ids("a", json(processor: template)) == [1, 3, 2, 2])
    let added = #"[{"id":20,"content":"ab"},{"id":21,"content":"abc","special":true},{"id":22,"content":"ß"}]"#
    #expect(try ids("aababcßa a", json(added: added)) == [1, 3, 20, 21, 22, 3, 3, 2])
  }

  @Test func theLimitComesFromTheFirstThatHasOne() throws {
    let truncation = #"{"max_length":7,"strategy":"LongestFirst","stride":0,"direction":"Left"}"#
    let files = [
      "tokenizer.json": json(), "sentence_bert_config.json": #"{"max_seq_length":6}"#, "tokenizer_config.json": #"{"model_max_length":5}"#,
      "config.json": #"{"max_position_embeddings":4}"#,
    ]
    try withFolder(files.merging(["tokenizer.json": json(truncation: truncation)]) { $1 }) { folder in
      let tokenizer = try Tokenizer(folder: folder)
      #expect(tokenizer.maxLength == 7 && tokenizer.truncation == .start)
      #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder, maxLength: 5) }
      #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder, maxLength: 2) }
      #expect(try Tokenizer(folder: folder, maxLength: 3, truncation: .end).ids("a ab") == [1, 3, 2])
    }
    #expect(try withFolder(files) { try Tokenizer(folder: $0).maxLength } == 6)
    #expect(try withFolder(files.filter { $0.key != "sentence_bert_config.json" }) { try Tokenizer(folder: $0).maxLength } == 4)
    let huge = ["tokenizer.json": json(), "tokenizer_config.json": #"{"model_max_length":1000000000000000019884624838656}"#]
    #expect(try withFolder(huge) { try Tokenizer(folder: $0).maxLength } == 512)
  }

  @Test func whatIsNotSupportedIsRefusedByName() throws {
    let refused = [
      (json(model: "BPE"), "BPE"), (json(model: "Unigram"), "Unigram"), (json(normalizer: "null"), "normalizer"),
      (json(normalizer: #"{"type":"Lowercase"}"#), "Lowercase"), (json(preTokenizer: #"{"type":"ByteLevel"}"#), "ByteLevel"),
      (json(processor: #"{"type":"RobertaProcessing"}"#), "RobertaProcessing"),
      (json(added: #"[{"id":20,"content":"q","normalized":true}]"#), "added_tokens.normalized: q"),
      (json(added: #"[{"id":20,"content":"q","single_word":true}]"#), "single_word"),
      (json(truncation: #"{"max_length":9007199254740992}"#), "more than 1000000 tokens"), ("{", "not JSON"), ("{}", "model"),
    ]
    for (text, words) in refused {
      try withFolder(["tokenizer.json": text]) { folder in
        let error = #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
      }
    }
    try withFolder([:]) { folder in
      #expect(!Tokenizer.exists(in: folder))
      #expect(throws: ConfigurationError.self) { try Tokenizer(folder: folder) }
    }
  }
}
