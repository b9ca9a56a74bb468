import Sheaf

/// Writes a text anew, character by character, and keeps track of where each comes from as Hugging Face's tokenizers do: every
/// character written says whether it replaces one of the source, or comes in addition, or replaces one and takes some behind it away.
struct TextEditor {
  let source: TextView
  let out: TextBuffer
  /// The next byte of the source to be replaced.
  private(set) var cursor = 0
  /// Whether what was written first stands for the source's first character.
  private var keptStart: Bool?

  init(_ source: TextView, into out: TextBuffer) {
    self.source = source
    self.out = out
    out.removeAll()
  }

  /// What has been written.
  var result: TextView { out.view(origin: source.origin, isAtStart: source.isAtStart && keptStart ?? true) }

  /// What has been written, and the rest of the source.
  mutating func finish() -> TextView {
    copy(to: source.count)
    return result
  }

  /// Writes a character.
  /// - Parameter change: 0: it replaces the next of the source; n < 0: and n behind it are gone; n > 0: it is additional.
  @inline(__always) mutating func put(_ scalar: UInt32, _ change: Int) {
    if keptStart == nil { keptStart = cursor == 0 }
    out.append(scalar, place(change))
    if change <= 0 { skip(1 &- change) }
  }

  /// Characters of the source that are not replaced by any.
  @inline(__always) mutating func skip(_ characters: Int) {
    var left = characters
    while left > 0, cursor < source.count {
      cursor &+= UTF8Bytes.length(source.bytes[cursor])
      left &-= 1
    }
  }

  /// Takes what the source has from the cursor on to byte `end` over as it stands.
  @inline(__always) mutating func copy(to end: Int) {
    if end <= cursor { return }
    if keptStart == nil { keptStart = cursor == 0 }
    out.append(source, cursor, end)
    cursor = end
  }

  /// Leaves the source out from the cursor to byte `end`.
  mutating func drop(to end: Int) { cursor = end }

  /// Writes something before all else, in the place of the source's first character.
  mutating func prepend(_ bytes: UnsafeBufferPointer<UInt8>) {
    keptStart = true
    out.append(bytes, source.place(0, 1))
  }

  /// Writes something instead of the source from the cursor to byte `end`, in the place of the last character there.
  mutating func replace(to end: Int, with bytes: UnsafeBufferPointer<UInt8>) {
    if keptStart == nil, !bytes.isEmpty { keptStart = end <= (source.count == 0 ? 0 : UTF8Bytes.length(source.bytes[0])) }
    cursor = end
    out.append(bytes, place(1))
  }

  private func place(_ change: Int) -> Place {
    if change > 0 {
      // What is added has the place of what stands before it.
      return cursor > 0 ? source.place(cursor - 1, cursor) : Place(start: Int32(source.origin), end: Int32(source.origin))
    }
    return cursor < source.count ? source.place(cursor, cursor + 1) : source.place(source.count - 1, source.count)
  }
}
