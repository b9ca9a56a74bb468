import Sheaf

/// A token that is looked for in the text itself instead of being made by the model.
struct AddedToken: Sendable {
  var text: String
  var id: Int32
  /// Looked for in the normalised text, itself normalised.
  var isNormalized: Bool
  /// Found only where no word goes on at its ends.
  var isSingleWord: Bool
  /// Takes the blanks before it, or behind it, too.
  var stripsLeft: Bool
  var stripsRight: Bool
}

/// Finds added tokens in a text: the leftmost, and of those the longest. Immutable.
final class AddedTokens: Sendable {
  private let tokens: [AddedToken]
  private let trie: Trie
  /// Which bytes a token may begin with.
  private let begins: [Bool]

  /// - Parameter texts: what each token is looked for as; none twice, none empty.
  init(_ tokens: [(token: AddedToken, text: [UInt8])]) {
    self.tokens = tokens.map(\.token)
    trie = Trie(tokens.enumerated().map { ($1.text[...], Int32($0)) })
    var begins = [Bool](repeating: false, count: 256)
    for token in tokens { begins[Int(token.text[0])] = true }
    self.begins = begins
  }

  /// The parts of a text in order: a token with the id it has, or what lies between tokens.
  struct Parts {
    private let added: AddedTokens
    private let bytes: UnsafePointer<UInt8>
    private let count: Int
    /// Where what has been handed out ends.
    private var done = 0
    /// Where the next match may begin: blanks that a token takes may begin another one.
    private var next = 0
    /// A token that waits for what stands before it to be handed out.
    private var waiting: (start: Int, end: Int, id: Int32?)?

    init(_ added: AddedTokens, in view: TextView) {
      self.added = added
      bytes = view.bytes
      count = view.count
    }

    mutating func part() -> (start: Int, end: Int, id: Int32?)? {
      if let waiting {
        self.waiting = nil
        return waiting
      }
      let start = done
      guard let token = token() else {
        done = count
        return start < count ? (start, count, nil) : nil
      }
      done = token.end
      if start >= token.start { return token }
      waiting = token
      return (start, token.start, nil)
    }

    private mutating func token() -> (start: Int, end: Int, id: Int32?)? {
      while let match = added.find(bytes, count, from: next) {
        next = match.end
        let token = added.tokens[match.token]
        if token.isSingleWord, !added.isSingleWord(bytes, count, match.start, match.end) { continue }
        let start = token.stripsLeft ? added.blanksBefore(bytes, match.start, notBefore: min(done, match.start)) : match.start
        return (start, token.stripsRight ? added.blanksBehind(bytes, count, match.end) : match.end, token.id)
      }
      return nil
    }
  }

  private func find(_ bytes: UnsafePointer<UInt8>, _ count: Int, from: Int) -> (start: Int, end: Int, token: Int)? {
    begins.withUnsafeBufferPointer { begins in
      for start in from..<max(from, count) where begins[Int(bytes[start])] {
        var node = Trie.root
        var longest: (start: Int, end: Int, token: Int)?
        var end = start
        while end < count, let next = trie.step(node, bytes[end]) {
          node = next
          end &+= 1
          if trie.value(node) >= 0 { longest = (start, end, Int(trie.value(node))) }
        }
        if let longest { return longest }
      }
      return nil
    }
  }

  private func isSingleWord(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ start: Int, _ end: Int) -> Bool {
    if start > 0, CharacterClass.before(bytes, start).contains(.word) { return false }
    var next = end
    return end == count || !CharacterClass.of(UTF8Bytes.decode(bytes, &next)).contains(.word)
  }

  private func blanksBefore(_ bytes: UnsafePointer<UInt8>, _ end: Int, notBefore first: Int) -> Int {
    var start = end
    while start > first, CharacterClass.before(bytes, start).contains(.space) {
      start -= 1
      while UTF8Bytes.continues(bytes[start]) { start -= 1 }
    }
    return start
  }

  private func blanksBehind(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ start: Int) -> Int {
    var end = start
    while end < count {
      var next = end
      guard CharacterClass.of(UTF8Bytes.decode(bytes, &next)).contains(.space) else { break }
      end = next
    }
    return end
  }
}
