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
    fileprivate var hashes: UnsafeMutablePointer<UInt64>
    fileprivate var pieces: UnsafeMutablePointer<(id: Int32, end: Int32)>
    private var capacity = 64

    init() {
      hashes = .allocate(capacity: capacity + 1)
      pieces = .allocate(capacity: capacity)
    }

    deinit {
      hashes.deallocate()
      pieces.deallocate()
    }

    fileprivate mutating func reserve(_ count: Int) {
      if count <= capacity { return }
      hashes.deallocate()
      pieces.deallocate()
      capacity = max(capacity * 2, count)
      hashes = .allocate(capacity: capacity + 1)
      pieces = .allocate(capacity: capacity)
    }
  }

  func tokenize(_ word: TextView, into tokens: inout TokenList, _ scratch: inout Scratch) throws(RecordFault) {
    let bytes = word.bytes, count = word.count
    guard count <= maxCharacters || hasFewCharacters(word) else {
      return tokens.append(try unknown.required(), word, 0, count, .name)
    }
    scratch.reserve(count)
    let hashes = scratch.hashes
    hashes[0] = 0
    for index in 0..<count { hashes[index &+ 1] = Vocabulary.extend(hashes[index], bytes[index]) }
    var start = 0
    var found = 0
    while start < count, let piece = vocabulary.longestPiece(bytes, count, from: start, hashes) {
      scratch.pieces[found] = (piece.id, Int32(truncatingIfNeeded: piece.end))
      found &+= 1
      start = piece.end
    }
    guard start == count else { return tokens.append(try unknown.required(), word, 0, count, .name) }
    start = 0
    for index in 0..<found {
      let piece = scratch.pieces[index]
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
