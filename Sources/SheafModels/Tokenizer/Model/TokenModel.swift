import Sheaf

/// What makes tokens of words.
enum TokenModel: Sendable {
  case wordPiece(WordPiece)
  case bpe(BPE)
  case unigram(Unigram)
  case wordLevel(WordLevel)
}

/// Memory that models need while they are at a text.
struct ModelScratch: ~Copyable {
  private var merges = MergeScratch()
  private var lattice = Memory<Unigram.Node>()
  private var wordPiece = WordPiece.Scratch()

  /// Appends the tokens of a word, which is not empty.
  @inline(__always) mutating func tokenize(_ word: TextView, with model: TokenModel, into tokens: inout TokenList) throws(RecordFault) {
    switch model {
    case .wordPiece(let model): try model.tokenize(word, into: &tokens, &wordPiece)
    case .bpe(let model): try model.tokenize(word, into: &tokens, &merges)
    case .unigram(let model): try model.tokenize(word, into: &tokens, &lattice)
    case .wordLevel(let model): try model.tokenize(word, into: &tokens)
    }
  }
}
