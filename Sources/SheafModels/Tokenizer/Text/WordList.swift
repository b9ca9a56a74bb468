/// Parts of a text between which its splitters have cut: where each begins and ends, in bytes. Grows as it needs to.
struct WordList: ~Copyable {
  struct Word {
    var start: Int32
    var end: Int32
  }
  private(set) var words: UnsafeMutablePointer<Word>
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    words = .allocate(capacity: capacity)
  }

  deinit { words.deallocate() }

  mutating func removeAll() { count = 0 }

  @inline(__always) subscript(index: Int) -> (start: Int, end: Int) { (Int(words[index].start), Int(words[index].end)) }

  /// Empty words are none.
  @inline(__always) mutating func append(_ start: Int, _ end: Int) {
    if start >= end { return }
    if count == capacity { grow() }
    words[count] = Word(start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end))
    count &+= 1
  }

  @inline(never) private mutating func grow() {
    let more = UnsafeMutablePointer<Word>.allocate(capacity: capacity * 2)
    more.initialize(from: words, count: count)
    words.deallocate()
    words = more
    capacity *= 2
  }
}
