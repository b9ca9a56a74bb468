import Glibc
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

/// Words that begin as bytes.
private struct ByteSymbols: Sendable {
  private let symbols: [Int32]
  /// Of the last byte of a word.
  private let lastSymbols: [Int32]

  /// `nil`: a byte that texts may have is no piece.
  init?(_ table: PieceTable, suffix: [UInt8]) {
    symbols = Self.symbols(table, [])
    lastSymbols = suffix.isEmpty ? symbols : Self.symbols(table, suffix)
    for byte in 0...0xF4 where byte != 0xC0 && byte != 0xC1 && (symbols[byte] < 0 || lastSymbols[byte] < 0) { return nil }
  }

  private static func symbols(_ table: PieceTable, _ suffix: [UInt8]) -> [Int32] {
    ByteAlphabet.characters.map { table.value(Array(String(UnicodeScalar($0)!).utf8) + suffix) ?? -1 }
  }

  @inline(__always) func begin(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: inout MergeScratch) {
    symbols.withUnsafeBufferPointer { symbols in
      for index in 0..<count &- 1 { scratch.append(symbols[Int(word[index])], length: 1) }
    }
    scratch.append(lastSymbols[Int(word[count &- 1])], length: 1)
  }
}

/// Words that begin as characters.
private struct CharacterSymbols: Sendable {
  private let table: PieceTable
  private let options: BPE.Options
  /// The piece of each character of ASCII where nothing is set before or behind it, -1 where it is none.
  private let ascii: [Int32]
  /// The pieces of single bytes, -1 where there is none; empty without that fallback.
  private let bytes: [Int32]

  init(_ table: PieceTable, _ options: BPE.Options) {
    self.table = table
    self.options = options
    let isPlain = options.prefix.isEmpty && options.suffix.isEmpty
    ascii = (UInt8(0)..<128).map { isPlain ? table.value([$0]) ?? -1 : -1 }
    bytes = options.fallsBackToBytes ? BytePieces.find(in: table) : []
  }

  func begin(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: inout MergeScratch) throws(RecordFault) {
    // An unknown token, and how long it is, that may still grow.
    var unknown: (id: Int32, length: Int)?
    var index = 0
    while index < count {
      let end = index &+ UTF8Bytes.length(word[index])
      if let id = piece(word, index, end, isLast: end == count) {
        if let (id, length) = unknown { scratch.append(id, length: length) }
        unknown = nil
        scratch.append(id, length: end &- index)
      } else if !appendBytes(word, index, end, isLast: end == count, &scratch) {
        try extend(&unknown, by: end - index, &scratch)
      }
      index = end
    }
    if let (id, length) = unknown { scratch.append(id, length: length) }
  }

  private func extend(_ unknown: inout (id: Int32, length: Int)?, by length: Int, _ scratch: inout MergeScratch) throws(RecordFault) {
    if case .none = options.unknown { return }
    let id = try options.unknown.required()
    if let known = unknown {
      if options.fusesUnknown {
        unknown = (id, known.length + length)
        return
      }
      scratch.append(known.id, length: known.length)
    }
    unknown = (id, length)
  }

  @inline(__always) private func piece(_ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int, isLast: Bool) -> Int32? {
    let first = word[start]
    if first < 0x80, ascii[Int(first)] >= 0 { return ascii[Int(first)] }
    if options.prefix.isEmpty && options.suffix.isEmpty { return first < 0x80 ? nil : table.value(word + start, end &- start) }
    return table.value(dressed(word, start, end, isLast: isLast))
  }

  /// A character with what is set before and behind it.
  private func dressed(_ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int, isLast: Bool) -> [UInt8] {
    (start > 0 ? options.prefix : []) + UnsafeBufferPointer(start: word + start, count: end - start) + (isLast ? options.suffix : [])
  }

  /// Whether all bytes of a character are pieces.
  private func appendBytes(_ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int, isLast: Bool, _ scratch: inout MergeScratch) -> Bool {
    if bytes.isEmpty { return false }
    let dressed = dressed(word, start, end, isLast: isLast)
    guard dressed.allSatisfy({ bytes[Int($0)] >= 0 }) else { return false }
    for byte in dressed { scratch.append(bytes[Int(byte)], length: 1) }
    return true
  }
}
