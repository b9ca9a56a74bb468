import Sheaf

/// Words that begin as bytes.
struct ByteSymbols: Sendable {
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
struct CharacterSymbols: Sendable {
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
