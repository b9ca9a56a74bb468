import Sheaf

/// A token for every word that the vocabulary has. Immutable.
final class WordLevel: Sendable {
  private let pieces: PieceTable
  private let unknown: UnknownToken

  init(_ pieces: PieceTable, unknown: UnknownToken) {
    self.pieces = pieces
    self.unknown = unknown
  }

  func tokenize(_ word: TextView, into tokens: inout TokenList) throws(RecordFault) {
    if let id = pieces.value(word.bytes, word.count) {
      tokens.append(id, word, 0, word.count, .text)
    } else {
      tokens.append(try unknown.required(), word, 0, word.count, .name)
    }
  }
}
