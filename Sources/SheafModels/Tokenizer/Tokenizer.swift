import Sheaf

/// Turns text into the ids of a model, as the Hugging Face tokenizer of the same folder does: any tokenizer.json that their library
/// `tokenizers` writes, with the same ids, types and places, or a refusal that names what is not supported.
///
/// Where they differ it is because of the version of Unicode: Hugging Face's tables are of several ages, ours are those of utf8proc and
/// Oniguruma.
///
/// Immutable, so any number of threads may share one.
public final class Tokenizer: TextEncoder {
  /// Which end of a text that is too long is given up.
  public enum Truncation: String, Sendable, CaseIterable {
    /// The end goes: the first tokens are kept. Hugging Face's default ("Right").
    case end
    /// The start goes: the last tokens are kept.
    case start
    /// None: such a text is a fault of its record.
    case error
  }

  public let maxLength: Int
  public var truncation: Truncation { cut.side }
  /// What Hugging Face pads with; what padding should be filled with where the model cares.
  public let padID: Int64
  public let vocabularySize: Int?
  public var takesPairs: Bool { postProcessor.pair != nil }
  /// What the files disagree about, and what counts; for a log, in the words of their keys.
  public let notes: [String]

  private let steps: TokenizerSteps
  /// The steps of a BERT tokenizer in one pass; `nil`: it is another one.
  private let bert: BertTables?
  private let postProcessor: PostProcessor
  private let cut: TextTruncation
  /// What is set around a text alone, and whether its types are not all 0.
  private let around: (before: [Int64], after: [Int64])
  private let hasTypes: Bool

  /// Whether a model's folder has a tokenizer to load.
  public static func exists(in folder: String) -> Bool { TokenizerFile.exists(in: folder) }

  /// Loads `tokenizer.json`, and what other files beside it say about lengths and padding.
  /// - Parameters:
  ///   - folder: where these files are, which may be the folder of the model or the one above.
  ///   - maxLength: the most ids of a text, special tokens included. `nil`: what sentence_bert_config.json says, else the truncation of
  ///     tokenizer.json, else tokenizer_config.json, but never more than the positions in config.json.
  ///   - truncation: `nil`: as the files have it, else `end`.
  /// - Throws: what of the files is missing or not supported, by name.
  public init(folder: String, maxLength: Int? = nil, truncation: Truncation? = nil) throws(ConfigurationError) {
    let file = try TokenizerFile(folder: folder)
    let limit = try file.limit(maxLength)
    self.maxLength = limit.length
    padID = file.padID
    notes = file.notes + limit.notes
    steps = try file.steps()
    bert = try file.bert()
    postProcessor = try file.postProcessor()
    vocabularySize = file.vocabularySize(postProcessor)
    cut = try file.truncation(truncation)
    around = postProcessor.around
    hasTypes = PostProcessor.hasTypes(postProcessor.single)
    let special = PostProcessor.added(postProcessor.single)
    func refused(_ problem: String, _ fix: String) -> ConfigurationError {
      ConfigurationError(key: "maxLength", value: "\(limit.length)", problem: problem, fix: fix)
    }
    guard limit.length > special else { throw refused("has no room beside \(special) special tokens", "make it larger") }
    guard limit.length <= 1_000_000 else { throw refused("is more than 1000000 tokens", "set what the model can take") }
  }

  /// Shares all tables with another one.
  private init(_ other: Tokenizer, maxLength: Int) {
    self.maxLength = maxLength
    padID = other.padID
    notes = other.notes
    steps = other.steps
    bert = other.bert
    postProcessor = other.postProcessor
    vocabularySize = other.vocabularySize
    cut = other.cut
    around = other.around
    hasTypes = other.hasTypes
  }

  public func limited(to maxLength: Int) -> any TextEncoder {
    maxLength < self.maxLength && maxLength > PostProcessor.added(postProcessor.single) ? Tokenizer(self, maxLength: maxLength) : self
  }

  public func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
    tokens.removeAll()
    try Self.check(text)
    if let pair {
      try Self.check(pair)
      try encode(text, pair, into: &tokens)
    } else if let bert, !tokens.wantsPlaces {
      try scan(text, bert, into: &tokens)
    } else {
      try encode(text, into: &tokens)
    }
  }

  private static func check(_ text: UnsafeRawBufferPointer) throws(RecordFault) {
    if let invalid = UTF8Bytes.firstInvalid(text) {
      throw RecordFault(.malformed, expected: "text in UTF-8", came: "byte 0x\(String(text[invalid], radix: 16)) at byte \(invalid) of the text")
    }
    try TextRun.check(text.count)
  }

  private func tooLong(_ bytes: Int, _ what: String) -> RecordFault {
    RecordFault(.tooLarge, expected: "\(what) of at most \(maxLength) tokens", came: "more, in \(bytes) bytes")
  }

  // MARK: Step by step

  private func encode(_ text: UnsafeRawBufferPointer, into tokens: inout TokenSequence) throws(RecordFault) {
    // One more than fits tells that there are too many.
    var run = TextRun(steps, bytes: text.count, limit: cut.side == .start ? .max : maxLength + 1, wantsPlaces: tokens.wantsPlaces)
    try run.run(text)
    let parts = postProcessor.single, count = run.tokens.count
    guard let kept = cut.kept(count, room: maxLength - PostProcessor.added(parts)) else { throw tooLong(text.count, "a text") }
    withExtendedLifetime(run) {
      postProcessor.write(parts, run.tokens(of: text, kept: cut.range(count, kept: kept)), nil, into: &tokens)
    }
  }

  private func encode(
    _ text: UnsafeRawBufferPointer, _ pair: UnsafeRawBufferPointer, into tokens: inout TokenSequence
  ) throws(RecordFault) {
    guard let parts = postProcessor.pair else {
      throw RecordFault(.unsupported, expected: "one text", came: "a pair of texts, for which the tokenizer has no template")
    }
    var first = TextRun(steps, bytes: text.count, limit: .max, wantsPlaces: tokens.wantsPlaces)
    try first.run(text)
    var second = TextRun(steps, bytes: pair.count, limit: .max, wantsPlaces: tokens.wantsPlaces)
    try second.run(pair)
    guard let kept = cut.kept(first.tokens.count, second.tokens.count, room: maxLength - PostProcessor.added(parts)) else {
      throw tooLong(text.count + pair.count, "a pair of texts")
    }
    withExtendedLifetime(first) {
      withExtendedLifetime(second) {
        postProcessor.write(
          parts, first.tokens(of: text, kept: cut.range(first.tokens.count, kept: kept.first)),
          second.tokens(of: pair, kept: cut.range(second.tokens.count, kept: kept.second)), into: &tokens)
      }
    }
  }

  // MARK: In one pass

  private func scan(_ text: UnsafeRawBufferPointer, _ bert: BertTables, into tokens: inout TokenSequence) throws(RecordFault) {
    var fault: RecordFault?
    tokens.ids = [Int64](unsafeUninitializedCapacity: maxLength) { ids, count in
      do throws(RecordFault) { count = try scan(text, bert, into: ids.baseAddress!) } catch { fault = error }
    }
    if let fault { throw fault }
    if hasTypes { postProcessor.writeSingleTypes(into: &tokens) }
  }

  private func scan(_ text: UnsafeRawBufferPointer, _ bert: BertTables, into ids: UnsafeMutablePointer<Int64>) throws(RecordFault) -> Int {
    let (before, after) = around
    for (place, id) in before.enumerated() { ids[place] = id }
    let room = maxLength - before.count - after.count
    var scanner = WordScanner(bert, WordSink(ids + before.count, room: room, keepsLast: cut.side == .start))
    if let base = text.baseAddress { scanner.scan(base.assumingMemoryBound(to: UInt8.self), text.count) }
    guard cut.kept(scanner.sink.count, room: room) != nil else { throw tooLong(text.count, "a text") }
    var count = before.count + scanner.sink.finish()
    for id in after {
      ids[count] = id
      count += 1
    }
    return count
  }
}
