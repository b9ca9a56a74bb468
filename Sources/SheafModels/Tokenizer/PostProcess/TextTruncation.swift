import Sheaf

/// How texts that are too long are cut.
struct TextTruncation: Sendable {
  /// Which of two texts is cut.
  enum Strategy: String, Sendable {
    case longestFirst = "LongestFirst"
    case onlyFirst = "OnlyFirst"
    case onlySecond = "OnlySecond"
  }
  var side: Tokenizer.Truncation
  var strategy: Strategy

  /// How many tokens of a text alone are kept; `nil`: it is too long.
  func kept(_ count: Int, room: Int) -> Int? {
    if count <= room { return count }
    return side == .error || strategy == .onlySecond ? nil : room
  }

  /// How many tokens of two texts are kept; `nil`: they are too long.
  func kept(_ first: Int, _ second: Int, room: Int) -> (first: Int, second: Int)? {
    let excess = first + second - room
    if excess <= 0 { return (first, second) }
    if side == .error || room < 1 { return nil }
    switch strategy {
    case .onlyFirst: return first > excess ? (first - excess, second) : nil
    case .onlySecond: return second > excess ? (first, second - excess) : nil
    case .longestFirst:
      // The shorter stays whole where it fits into half of the room.
      var short = min(first, second)
      var long = short > room ? short : max(short, room - short)
      if short + long > room {
        short = room / 2
        long = short + room % 2
      }
      return first > second ? (min(first, long), min(second, short)) : (min(first, short), min(second, long))
    }
  }

  /// Which of a text's tokens are kept.
  func range(_ count: Int, kept: Int) -> Range<Int> { side == .start ? count - kept..<count : 0..<kept }
}
