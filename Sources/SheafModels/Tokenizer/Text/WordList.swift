/// Parts of a text between which its splitters have cut: where each begins and ends, in bytes.
struct WordList: ~Copyable {
  struct Word: BitwiseCopyable {
    var start: Int32
    var end: Int32
  }
  private var words = Memory<Word>()
  private(set) var count = 0

  mutating func removeAll() { count = 0 }

  @inline(__always) subscript(index: Int) -> (start: Int, end: Int) { (Int(words.base[index].start), Int(words.base[index].end)) }

  /// Empty words are none.
  @inline(__always) mutating func append(_ start: Int, _ end: Int) {
    if start >= end { return }
    words.reserve(count &+ 1, keeping: count)
    words.base[count] = Word(start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end))
    count &+= 1
  }
}
