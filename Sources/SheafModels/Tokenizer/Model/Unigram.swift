import Sheaf

/// A unigram language model: of all ways to cut a word into pieces the one with the highest sum of their scores. Immutable.
final class Unigram: Sendable {
  private let trie: Trie
  private let scores: [Double]
  private let unknown: Int32?
  private let unknownScore: Double
  /// The pieces of single bytes, -1 where there is none; empty without that fallback.
  private let bytes: [Int32]

  /// What an unknown character costs beyond the worst piece.
  private static let penalty = 10.0

  /// - Parameters:
  ///   - pieces: each once, with its place in `scores`.
  ///   - scores: of all lines of the file, also of those whose piece came twice.
  init(_ pieces: [(text: ArraySlice<UInt8>, value: Int32)], scores: [Double], unknown: Int32?, fallsBackToBytes: Bool) {
    trie = Trie(pieces)
    self.scores = scores
    self.unknown = unknown
    unknownScore = (scores.min() ?? .infinity) - Self.penalty
    bytes = fallsBackToBytes ? BytePieces.find(in: PieceTable(pieces)) : []
  }

  /// The best way to a place in a word.
  struct Node: BitwiseCopyable {
    var score: Double
    /// Where its last piece begins; -1: there is no way yet.
    var start: Int32
    var id: Int32
  }

  func tokenize(_ word: TextView, into tokens: inout TokenList, _ lattice: inout Memory<Node>) throws(RecordFault) {
    lattice.reserve(word.count + 1)
    try findBest(word.bytes, word.count, lattice.base)
    // Back from the end, each node gets to know where its successor is, in the place of its own beginning.
    let nodes = lattice.base
    var end = word.count
    var next: Int32 = -1
    while end > 0 {
      let start = nodes[end].start
      nodes[end].start = next
      next = Int32(end)
      end = Int(start)
    }
    emit(word, from: next, nodes, &tokens)
  }

  private func findBest(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ nodes: UnsafeMutablePointer<Node>) throws(RecordFault) {
    nodes.initialize(repeating: Node(score: 0, start: -1, id: 0), count: count + 1)
    let unknown = unknown ?? -1
    let isComplete = scores.withUnsafeBufferPointer { scores in
      var start = 0
      while start < count {
        let scoreHere = nodes[start].score
        let behind = start &+ UTF8Bytes.length(bytes[start])
        var hasCharacter = false
        var node = Trie.root
        var end = start
        while end < count, let next = trie.step(node, bytes[end]) {
          node = next
          end &+= 1
          let id = trie.value(node)
          if id < 0 { continue }
          // The first of equals stays, as it does at Hugging Face.
          let score = scores[Int(id)] + scoreHere
          if nodes[end].start < 0 || score > nodes[end].score {
            nodes[end] = Node(score: score, start: Int32(truncatingIfNeeded: start), id: id)
          }
          if end == behind { hasCharacter = true }
        }
        if !hasCharacter {
          let score = unknownScore + scoreHere
          if nodes[behind].start < 0 || score > nodes[behind].score {
            if unknown < 0 { return false }
            nodes[behind] = Node(score: score, start: Int32(truncatingIfNeeded: start), id: unknown)
          }
        }
        start = behind
      }
      return true
    }
    if !isComplete { _ = try UnknownToken.none.required() }
  }

  /// Hands the pieces out in order; unknown ones that follow one another are one.
  private func emit(_ word: TextView, from first: Int32, _ nodes: UnsafeMutablePointer<Node>, _ tokens: inout TokenList) {
    let unknown = unknown ?? -1
    var start = 0
    var at = first
    while at >= 0 {
      var end = Int(at)
      let id = nodes[end].id
      at = nodes[end].start
      if id != unknown {
        tokens.append(id, word, start, end, .text)
      } else {
        while at >= 0, nodes[Int(at)].id == unknown {
          end = Int(at)
          at = nodes[end].start
        }
        emitUnknown(word, start, end, &tokens, unknown)
      }
      start = end
    }
  }

  private func emitUnknown(_ word: TextView, _ start: Int, _ end: Int, _ tokens: inout TokenList, _ unknown: Int32) {
    if let id = trie.value(of: word.bytes + start, end - start) {
      tokens.append(id, word, start, end, .text)
    } else if !bytes.isEmpty, (start..<end).allSatisfy({ bytes[Int(word.bytes[$0])] >= 0 }) {
      for index in start..<end { tokens.append(bytes[Int(word.bytes[index])], word, start, end, .name) }
    } else {
      // A token of its own text.
      tokens.append(unknown, word, start, end, .text)
    }
  }
}
