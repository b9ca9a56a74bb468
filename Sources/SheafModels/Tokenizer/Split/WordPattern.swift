import Sheaf

/// The regular expressions that most byte-level tokenizers cut words with, as loops over the characters: the same cuts as Oniguruma's
/// in a tenth of its time. Everything is part of some match.
enum WordPattern: Sendable {
  /// GPT-2's.
  case gpt2
  /// Llama 3's, Qwen's, and those of GPT-4.
  case gpt4(digits: Int)

  static let gpt2Expression = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// `nil`: the expression is none of them.
  init?(_ expression: String) {
    func gpt4(_ digits: String) -> String {
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }
    switch expression {
    case Self.gpt2Expression: self = .gpt2
    case gpt4(#"\p{N}{1,3}"#): self = .gpt4(digits: 3)
    case gpt4(#"\p{N}"#): self = .gpt4(digits: 1)
    default: return nil
    }
  }

  @inline(__always) func forEachMatch(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ body: (_ start: Int, _ end: Int) throws(RecordFault) -> Void
  ) throws(RecordFault) {
    let text = Characters(bytes, count)
    var start = 0
    switch self {
    case .gpt2:
      while start < count {
        let end = text.gpt2(start)
        try body(start, end)
        start = end
      }
    case .gpt4(let digits):
      while start < count {
        let end = text.gpt4(start, digits: digits)
        try body(start, end)
        start = end
      }
    }
  }

  private struct Characters {
    let bytes: UnsafePointer<UInt8>
    let count: Int
    let table = CharacterClass.table

    private static let letter = CharacterClass.letter.rawValue
    private static let number = CharacterClass.number.rawValue
    private static let space = CharacterClass.space.rawValue
    private static let any = letter | number | space

    init(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
      self.bytes = bytes
      self.count = count
    }

    /// What the next character is; 0: neither letter, number nor blank. Moves behind it.
    @inline(__always) private func take(_ index: inout Int) -> UInt8 { table[UTF8Bytes.decode(bytes, &index)] & Self.any }

    /// Where characters of this kind end, at most so many.
    @inline(__always) private func run(_ kind: UInt8, from start: Int, most: Int = .max) -> Int {
      var end = start, left = most
      while end < count, left > 0 {
        var next = end
        if take(&next) != kind { break }
        end = next
        left &-= 1
      }
      return end
    }

    /// Where blanks from `start` on end, as `\s+(?!\S)|\s+` has it: the last is left to the word behind them.
    private func blanks(_ start: Int) -> Int {
      var end = start, last = start
      while end < count {
        var next = end
        if take(&next) != Self.space { return last > start ? last : end }
        last = end
        end = next
      }
      return end
    }

    func gpt2(_ start: Int) -> Int {
      if bytes[start] == UInt8(ascii: "'"), let end = contraction(start, anyCase: false) { return end }
      var next = start
      var kind = take(&next)
      if bytes[start] == 0x20, next < count {
        let second = next
        kind = take(&next)
        if kind != Self.space { return run(kind, from: next) }
        next = second
        kind = Self.space
      }
      return kind == Self.space ? blanks(start) : run(kind, from: next)
    }

    func gpt4(_ start: Int, digits: Int) -> Int {
      let first = bytes[start]
      if first == UInt8(ascii: "'"), let end = contraction(start, anyCase: true) { return end }
      var next = start
      let kind = take(&next)
      if kind == Self.letter { return run(kind, from: next) }
      if kind == Self.number { return run(kind, from: next, most: digits - 1) }
      let endsLine = first == 10 || first == 13
      if !endsLine, next < count {
        var second = next
        let nextKind = take(&second)
        if nextKind == Self.letter { return run(nextKind, from: second) }
        if first == 0x20, nextKind == 0 { return lineEnds(run(0, from: second)) }
      }
      if kind == 0 { return lineEnds(run(0, from: next)) }
      // Blanks up to the last end of a line among them, else as usual.
      var end = start, lastLine = -1
      while end < count {
        let byte = bytes[end]
        var next = end
        if take(&next) != Self.space { break }
        end = next
        if byte == 10 || byte == 13 { lastLine = end }
      }
      return lastLine >= 0 ? lastLine : blanks(start)
    }

    private func lineEnds(_ start: Int) -> Int {
      var end = start
      while end < count, bytes[end] == 10 || bytes[end] == 13 { end &+= 1 }
      return end
    }

    /// Where one of 's 't 're 've 'm 'll 'd ends.
    private func contraction(_ start: Int, anyCase: Bool) -> Int? {
      guard start + 1 < count else { return nil }
      let fold: UInt8 = anyCase ? 0x20 : 0
      let first = bytes[start + 1] | fold
      let second = start + 2 < count ? bytes[start + 2] | fold : 0
      switch first {
      case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
      case UInt8(ascii: "r") where second == UInt8(ascii: "e"), UInt8(ascii: "v") where second == UInt8(ascii: "e"),
        UInt8(ascii: "l") where second == UInt8(ascii: "l"):
        return start + 3
      // The long s is an s in another case.
      case 0xC5 | fold where anyCase && bytes[start + 1] == 0xC5 && start + 2 < count && bytes[start + 2] == 0xBF: return start + 3
      default: return nil
      }
    }
  }
}
