import Sheaf

/// Turns text into the ids of a BERT-like model, as the Hugging Face tokenizer of the same folder does: WordPiece with BERT's
/// normaliser and pre-tokenizer.
///
/// The ids are equal but for 568 of Unicode's 1.1 million code points: marks and punctuation of recent Unicode versions, which
/// Hugging Face's older tables do not know as such and utf8proc does.
///
/// Immutable, so any number of threads may share one. A text costs one allocation, its length does not matter.
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
  public let truncation: Truncation
  /// What Hugging Face pads with; what padding should be filled with where the model cares.
  public let padID: Int64

  private var settings: TokenizerSettings { tables.settings }
  private let tables: TokenizerTables

  /// Whether a model's folder has a tokenizer to load.
  public static func exists(in folder: String) -> Bool { TokenizerFile.exists(in: folder) }

  /// Loads `tokenizer.json` from a model's folder.
  /// - Parameters:
  ///   - maxLength: the most ids of a text, special tokens included. `nil`: the truncation of tokenizer.json, else the model's own
  ///     maximum (sentence_bert_config.json, tokenizer_config.json, config.json).
  ///   - truncation: `nil`: as tokenizer.json has it, else `end`.
  /// - Throws: what of the file is missing or not supported, by name.
  public init(folder: String, maxLength: Int? = nil, truncation: Truncation? = nil) throws(ConfigurationError) {
    let settings = try TokenizerFile(folder: folder).settings(maxLength: maxLength, truncation: truncation)
    self.maxLength = settings.maxLength
    self.truncation = settings.truncation
    padID = Int64(settings.padID)
    tables = TokenizerTables(settings)
  }

  public func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
    tokens.removeAll()
    var fault: RecordFault?
    tokens.ids = [Int64](unsafeUninitializedCapacity: maxLength) { ids, count in
      do throws(RecordFault) { count = try encode(text, into: ids.baseAddress!) } catch { fault = error }
    }
    if let fault { throw fault }
  }

  private func encode(_ text: UnsafeRawBufferPointer, into ids: UnsafeMutablePointer<Int64>) throws(RecordFault) -> Int {
    if let invalid = UTF8Bytes.firstInvalid(text) {
      throw RecordFault(.malformed, expected: "text in UTF-8", came: "byte 0x\(String(text[invalid], radix: 16)) at byte \(invalid) of the text")
    }
    for (place, id) in settings.before.enumerated() { ids[place] = Int64(id) }
    let room = maxLength - settings.before.count - settings.after.count
    var scanner = WordScanner(tables, WordSink(ids + settings.before.count, room: room, keepsLast: truncation == .start))
    if let base = text.baseAddress { scanner.scan(base.assumingMemoryBound(to: UInt8.self), text.count) }
    if truncation == .error, scanner.sink.count > room {
      throw RecordFault(.tooLarge, expected: "a text of at most \(maxLength) tokens", came: "more, in \(text.count) bytes")
    }
    var count = settings.before.count + scanner.sink.finish()
    for id in settings.after {
      ids[count] = Int64(id)
      count += 1
    }
    return count
  }
}

/// A tokenizer as it is configured, all defaults filled in.
struct TokenizerSettings: Sendable {
  var pieces: [String: Int32]
  var continuationPrefix: String
  var unknownID: Int32
  /// Longer words are unknown.
  var maxWordCharacters: Int
  var cleansText: Bool
  var separatesIdeographs: Bool
  var stripsAccents: Bool
  var lowercases: Bool
  /// Tokens that are found in the text as it came, before anything else.
  var addedTokens: [(text: String, id: Int32)]
  /// Ids before and after those of the text.
  var before: [Int32]
  var after: [Int32]
  var padID: Int32
  var maxLength: Int
  var truncation: Tokenizer.Truncation
}
