import Glibc
import Sheaf

/// Cuts a text at, or into, what a pattern matches.
struct Splitter: Sendable {
  /// What becomes of the matches.
  enum Behavior: String {
    /// They are gone.
    case removed = "Removed"
    /// Each is a word.
    case isolated = "Isolated"
    /// Each belongs to the word before it.
    case mergedWithPrevious = "MergedWithPrevious"
    /// Each belongs to the word behind it.
    case mergedWithNext = "MergedWithNext"
    /// Those that follow one another are one word.
    case contiguous = "Contiguous"
  }

  enum Matcher: Sendable {
    case pattern(Pattern)
    case words(WordPattern)
    /// Every character of one of these classes.
    case characters(CharacterClass)
    case character(UInt32)
    /// `\w+|[^\w\s]+`
    case wordsAndSigns
  }

  var matcher: Matcher
  var behavior: Behavior
  /// What is not matched takes the place of the matches.
  var isInverted = false

  /// Adds the words of a part of a text.
  func split(_ view: TextView, _ start: Int, _ end: Int, into words: inout WordList) throws(RecordFault) {
    let bytes = view.bytes + start, count = end - start
    var pieces = Pieces(behavior)
    var done = 0
    @inline(__always) func match(_ from: Int, _ to: Int) {
      if from != done { pieces.take(start + done, start + from, isInverted, &words) }
      pieces.take(start + from, start + to, !isInverted, &words)
      done = to
    }
    switch matcher {
    case .pattern(let pattern): try pattern.forEachMatch(bytes, count) { match($0, $1) }
    case .words(let pattern): try pattern.forEachMatch(bytes, count) { match($0, $1) }
    case .characters(let classes):
      let table = CharacterClass.table
      Self.forEachCharacter(bytes, count, { table[$0] & classes.rawValue != 0 }) { match($0, $1) }
    case .character(let character): Self.forEachCharacter(bytes, count, { $0 == character }) { match($0, $1) }
    case .wordsAndSigns: Self.forEachWordOrSigns(bytes, count) { match($0, $1) }
    }
    if done < count { pieces.take(start + done, end, isInverted, &words) }
    pieces.finish(&words)
  }

  @inline(__always) private static func forEachCharacter(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ matches: (UInt32) -> Bool, _ body: (Int, Int) -> Void
  ) {
    var index = 0
    while index < count {
      let start = index
      if matches(UTF8Bytes.decode(bytes, &index)) { body(start, index) }
    }
  }

  private static func forEachWordOrSigns(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ body: (Int, Int) -> Void) {
    let table = CharacterClass.table
    let word = CharacterClass.word.rawValue, space = CharacterClass.space.rawValue
    var start = 0, before = space
    var index = 0
    while index < count {
      let at = index
      let kind = table[UTF8Bytes.decode(bytes, &index)]
      // A character of a word first: what is both would be one.
      let now = kind & word != 0 ? word : kind & space
      if now != before {
        if before != space { body(start, at) }
        start = at
        before = now
      }
    }
    if before != space { body(start, count) }
  }

  /// Puts matches, and what lies between them, together to words.
  private struct Pieces {
    private let behavior: Behavior
    /// The word that may still grow; none where it is empty, and `isOpen` is false.
    private var start = 0
    private var end = 0
    private var isOpen = false
    private var wasMatch = false

    init(_ behavior: Behavior) { self.behavior = behavior }

    @inline(__always) mutating func take(_ from: Int, _ to: Int, _ isMatch: Bool, _ words: inout WordList) {
      switch behavior {
      case .isolated: words.append(from, to)
      case .removed: if !isMatch { words.append(from, to) }
      default: merge(from, to, isMatch, &words)
      }
    }

    private mutating func merge(_ from: Int, _ to: Int, _ isMatch: Bool, _ words: inout WordList) {
      let goesOn =
        switch behavior {
        case .contiguous: isMatch == wasMatch
        case .mergedWithPrevious: isMatch && !wasMatch
        default: !isMatch && wasMatch
        }
      if isOpen && goesOn {
        end = to
      } else {
        finish(&words)
        (start, end, isOpen) = (from, to, true)
      }
      wasMatch = isMatch
    }

    @inline(__always) mutating func finish(_ words: inout WordList) {
      if isOpen { words.append(start, end) }
      isOpen = false
    }
  }
}
