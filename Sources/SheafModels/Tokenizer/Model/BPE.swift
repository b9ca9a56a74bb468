import Sheaf

/// Byte-pair encoding: a word begins as its characters, or bytes, and pairs are merged in the order in which training merged them.
/// Immutable.
final class BPE: Sendable {
  struct Options: Sendable {
    /// Set before every character of a word but the first.
    var prefix: [UInt8] = []
    /// Set behind the last character of a word.
    var suffix: [UInt8] = []
    var unknown = UnknownToken.none
    /// One unknown token for all unknown characters that follow one another.
    var fusesUnknown = false
    /// Characters that are no pieces are written as the pieces `<0x00>` to `<0xFF>`.
    var fallsBackToBytes = false
    /// A word that is a piece is not put together from others.
    var ignoresMerges = false
    /// Words come as bytes which the vocabulary writes in GPT-2's alphabet.
    var readsBytes = false
  }
  typealias Piece = (text: ArraySlice<UInt8>, value: Int32)

  private let merges: MergeTable
  private let start: Start
  /// Words that become one piece, as most do; no need to merge them together.
  private let words: PieceTable

  /// How a word begins, before anything is merged.
  private enum Start {
    case bytes(ByteSymbols)
    case characters(CharacterSymbols)
  }

  /// - Parameters:
  ///   - pieces: the vocabulary, every piece once.
  ///   - table: the same as a table.
  ///   - merges: in the order of their ranks.
  init(_ pieces: [Piece], _ table: PieceTable, merges: [(left: Int32, right: Int32, merged: Int32)], _ options: Options) {
    let merges = MergeTable(merges)
    self.merges = merges
    let bytes = options.readsBytes ? ByteSymbols(table, suffix: options.suffix) : nil
    start = bytes.map { .bytes($0) } ?? .characters(CharacterSymbols(table, options))
    words = PieceTable(Self.words(pieces, start, merges, options))
  }

  /// Whether words may come as bytes: a vocabulary in GPT-2's alphabet usually has a piece for each.
  static func canReadBytes(_ table: PieceTable, _ options: Options) -> Bool {
    options.prefix.isEmpty && ByteSymbols(table, suffix: options.suffix) != nil
  }

  private static func words(_ pieces: [Piece], _ start: Start, _ merges: MergeTable, _ options: Options) -> [Piece] {
    var scratch = MergeScratch()
    return pieces.compactMap { piece in
      var text = piece.text
      if !options.ignoresMerges, !options.suffix.isEmpty {
        guard text.count > options.suffix.count, text.suffix(options.suffix.count).elementsEqual(options.suffix) else { return nil }
        text = text.dropLast(options.suffix.count)
      }
      if case .bytes = start {
        guard let decoded = ByteAlphabet.decode(text) else { return nil }
        text = decoded[...]
      }
      if options.ignoresMerges { return (text, piece.value) }
      let isOne = text.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress, bytes.count > 0, (try? begin(start, base, bytes.count, &scratch)) != nil else { return false }
        scratch.merge(merges)
        return scratch.count == 1 && scratch.symbols[0].id == piece.value && scratch.symbols[0].length == bytes.count
      }
      return isOne ? (text, piece.value) : nil
    }
  }

  func tokenize(_ word: TextView, into tokens: inout TokenList, _ scratch: inout MergeScratch) throws(RecordFault) {
    let kind: TokenList.Kind = if case .bytes = start { .bytes } else { .text }
    if let id = words.value(word.bytes, word.count) { return tokens.append(id, word, 0, word.count, kind) }
    try Self.begin(start, word.bytes, word.count, &scratch)
    scratch.merge(merges)
    var at = 0
    for index in 0..<scratch.count {
      let symbol = scratch.symbols[index]
      let end = at &+ Int(symbol.length)
      tokens.append(symbol.id, word, at, end, kind)
      at = end
    }
  }

  @inline(__always) private static func begin(
    _ start: Start, _ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: inout MergeScratch
  ) throws(RecordFault) {
    scratch.removeAll()
    switch start {
    case .bytes(let symbols): symbols.begin(word, count, &scratch)
    case .characters(let symbols): try symbols.begin(word, count, &scratch)
    }
  }
}
