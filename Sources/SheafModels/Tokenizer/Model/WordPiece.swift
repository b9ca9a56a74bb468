import Sheaf

/// The longest piece from the front of a word, again and again; a word with a part that is no piece is unknown as a whole. Immutable.
final class WordPiece: Sendable {
  private let vocabulary: Vocabulary
  private let unknown: UnknownToken
  /// Longer words are unknown.
  private let maxCharacters: Int

  init(_ vocabulary: Vocabulary, unknown: UnknownToken, maxCharacters: Int) {
    self.vocabulary = vocabulary
    self.unknown = unknown
    self.maxCharacters = maxCharacters
  }

  /// Kept from word to word for its memory.
  struct Scratch: ~Copyable {
    struct Piece: BitwiseCopyable {
      var id: Int32
      var end: Int32
    }
    /// Of the word's beginnings.
    var hashes = Memory<UInt64>()
    var pieces = Memory<Piece>()
  }

  func tokenize(_ word: TextView, into tokens: inout TokenList, _ scratch: inout Scratch) throws(RecordFault) {
    let bytes = word.bytes, count = word.count
    guard count <= maxCharacters || hasFewCharacters(word) else {
      return tokens.append(try unknown.required(), word, 0, count, .name)
    }
    scratch.hashes.reserve(count + 1)
    scratch.pieces.reserve(count)
    let hashes = scratch.hashes.base, pieces = scratch.pieces.base
    hashes[0] = 0
    for index in 0..<count { hashes[index &+ 1] = Vocabulary.extend(hashes[index], bytes[index]) }
    var start = 0
    var found = 0
    while start < count, let piece = vocabulary.longestPiece(bytes, count, from: start, hashes) {
      pieces[found] = Scratch.Piece(id: piece.id, end: Int32(truncatingIfNeeded: piece.end))
      found &+= 1
      start = piece.end
    }
    guard start == count else { return tokens.append(try unknown.required(), word, 0, count, .name) }
    start = 0
    for index in 0..<found {
      let piece = pieces[index]
      tokens.append(piece.id, word, start, Int(piece.end), .text)
      start = Int(piece.end)
    }
  }

  private func hasFewCharacters(_ word: TextView) -> Bool {
    var characters = 0
    for index in 0..<word.count where !UTF8Bytes.continues(word.bytes[index]) {
      characters += 1
      if characters > maxCharacters { return false }
    }
    return true
  }
}
