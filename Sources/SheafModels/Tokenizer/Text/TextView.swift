import Sheaf

/// Where something stands in the text as it came, in bytes.
typealias Place = TokenSequence.Place

/// A part of a text on its way to tokens, in UTF-8: as it came, or as a normaliser or a splitter has left it.
struct TextView {
  let bytes: UnsafePointer<UInt8>
  let count: Int
  /// Where the character that each byte belongs to stood in the text as it came. `nil`: it is the text as it came, or nobody asks.
  let places: UnsafePointer<Place>?
  /// Where the text as it came has what this part is made of.
  let origin: Int
  /// Whether the first byte comes from the very first of the text as it came.
  let isAtStart: Bool

  /// A part that begins and ends between characters.
  @inline(__always) func part(_ start: Int, _ end: Int) -> TextView {
    TextView(
      bytes: bytes + start, count: end &- start, places: places.map { $0 + start }, origin: places == nil ? origin &+ start : origin,
      isAtStart: isAtStart && start == 0)
  }

  /// Where the bytes from `start` to `end`, one at least, stood: whole characters, even where the bytes are parts of them.
  func place(_ start: Int, _ end: Int) -> Place {
    // A model may have counted bytes that it has added.
    let start = min(start, count - 1), end = min(max(end, start + 1), count)
    if let places { return Place(start: places[start].start, end: places[end - 1].end) }
    var from = start, to = end
    while from > 0, UTF8Bytes.continues(bytes[from]) { from -= 1 }
    while to < count, UTF8Bytes.continues(bytes[to]) { to += 1 }
    return Place(start: Int32(origin + from), end: Int32(origin + to))
  }
}
