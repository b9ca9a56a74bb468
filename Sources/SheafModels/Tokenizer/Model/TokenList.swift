import Glibc
import Sheaf

/// The tokens of one text: what a model hands out, word by word.
struct TokenList: ~Copyable {
  /// What a token's own text is.
  enum Kind {
    /// The characters it is made of.
    case text
    /// The bytes it is made of, in GPT-2's alphabet.
    case bytes
    /// A name for what is unknown, or for a byte.
    case name
  }
  /// Where a token stands, and how many blanks it begins and ends with, which some post-processors trim.
  struct Span: BitwiseCopyable {
    var place: Place
    var blanksBefore: Int32
    var blanksBehind: Int32
  }
  private var idMemory = Memory<Int64>()
  private var spanMemory = Memory<Span>()
  private let wantsPlaces: Bool
  private(set) var count = 0

  init(wantsPlaces: Bool) { self.wantsPlaces = wantsPlaces }

  var ids: UnsafePointer<Int64> { UnsafePointer(idMemory.base) }
  /// As many as there are ids, where places are asked for.
  var spans: UnsafePointer<Span>? { wantsPlaces ? UnsafePointer(spanMemory.base) : nil }

  /// Appends a token that is made of the bytes from `start` to `end` of a word.
  @inline(__always) mutating func append(_ id: Int32, _ word: TextView, _ start: Int, _ end: Int, _ kind: Kind) {
    idMemory.reserve(count &+ 1, keeping: count)
    idMemory.base[count] = Int64(id)
    if wantsPlaces {
      spanMemory.reserve(count &+ 1, keeping: count)
      spanMemory.base[count] = Self.span(word, start, end, kind)
    }
    count &+= 1
  }

  private static func span(_ word: TextView, _ start: Int, _ end: Int, _ kind: Kind) -> Span {
    var span = Span(place: word.place(start, end), blanksBefore: 0, blanksBehind: 0)
    let end = min(end, word.count)
    switch kind {
    case .name: break
    case .bytes:
      // Of the alphabet only the character of the space counts as a blank.
      span.blanksBefore = Int32((start..<end).prefix { word.bytes[$0] == 0x20 }.count)
      span.blanksBehind = Int32((start..<end).reversed().prefix { word.bytes[$0] == 0x20 }.count)
    case .text:
      var from = start, to = end
      while from < end, let next = blank(word, from) {
        from = next
        span.blanksBefore += 1
      }
      while to > start {
        var last = to - 1
        while last > start, UTF8Bytes.continues(word.bytes[last]) { last -= 1 }
        guard blank(word, last) == to else { break }
        to = last
        span.blanksBehind += 1
      }
    }
    return span
  }

  /// Where a blank ends that begins there; `nil`: none does. What a model counts need not begin with a character.
  private static func blank(_ word: TextView, _ start: Int) -> Int? {
    if UTF8Bytes.continues(word.bytes[start]) || start + UTF8Bytes.length(word.bytes[start]) > word.count { return nil }
    var end = start
    return isBlank(UTF8Bytes.decode(word.bytes, &end)) ? end : nil
  }

  /// White space, and the character of the space in GPT-2's alphabet.
  private static func isBlank(_ scalar: UInt32) -> Bool { scalar == 0x120 || CharacterClass.of(scalar).contains(.space) }
}
