import Glibc
import Sheaf

/// What a byte of text is to the scanner.
struct ByteKind: OptionSet {
  var rawValue: UInt8
  /// Part of a word.
  static let letter: ByteKind = []
  static let space = ByteKind(rawValue: 1)
  static let punctuation = ByteKind(rawValue: 2)
  /// Control characters: as if they were not there.
  static let dropped = ByteKind(rawValue: 4)
  static let beyondASCII = ByteKind(rawValue: 8)
  /// An added token may begin here.
  static let added = ByteKind(rawValue: 16)
}

/// What the scanner looks up, made once from the files. Immutable.
final class BertTables: @unchecked Sendable {  // Its memory is written in init only.
  struct Token {
    var text: [UInt8]
    var id: Int32
  }
  let normalizer: BertNormalizer
  let vocabulary: Vocabulary
  let unknownID: Int32
  /// Longer words are unknown.
  let maxWordCharacters: Int
  let kinds: UnsafeMutablePointer<ByteKind>
  /// Lower case of ASCII where the tokenizer lower-cases, else the byte itself.
  let lower: UnsafeMutablePointer<UInt8>
  /// Longest first.
  private let added: [Token]

  init(_ normalizer: BertNormalizer, _ vocabulary: Vocabulary, unknownID: Int32, maxWordCharacters: Int, _ tokens: [AddedToken]) {
    self.normalizer = normalizer
    self.vocabulary = vocabulary
    self.unknownID = unknownID
    self.maxWordCharacters = maxWordCharacters
    added = tokens.map { Token(text: Array($0.text.utf8), id: $0.id) }.sorted { $0.text.count > $1.text.count }
    kinds = .allocate(capacity: 256)
    lower = .allocate(capacity: 256)
    for byte in UInt8.min...UInt8.max {
      kinds[Int(byte)] = Self.kind(byte, cleans: normalizer.cleansText)
      lower[Int(byte)] = normalizer.lowercases && byte &- 65 < 26 ? byte | 32 : byte
    }
    for token in added { kinds[Int(token.text[0])].insert(.added) }
  }

  deinit {
    kinds.deallocate()
    lower.deallocate()
  }

  private static func kind(_ byte: UInt8, cleans: Bool) -> ByteKind {
    switch byte {
    case 9, 10, 13, 32: .space
    case 11, 12: cleans ? .dropped : .space
    case 0..<32, 127: cleans ? .dropped : .letter
    case 33...47, 58...64, 91...96, 123...126: .punctuation
    case 128...: .beyondASCII
    default: .letter
    }
  }

  /// The longest added token that the text begins with.
  func addedToken(_ text: UnsafePointer<UInt8>, _ count: Int) -> Token? {
    added.first { token in token.text.count <= count && memcmp(token.text, text, token.text.count) == 0 }
  }
}
