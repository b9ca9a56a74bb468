import Glibc
import Sheaf

/// A text, or what a regular expression matches, that is replaced by another text.
final class Replacement: Sendable {
  private let pattern: Pattern
  private let content: [UInt8]

  init(_ pattern: Pattern, by content: String) {
    self.pattern = pattern
    self.content = Array(content.utf8)
  }

  func apply(_ source: TextView, into out: TextBuffer) throws(RecordFault) -> TextView? {
    if source.count == 0 { return nil }
    var editor = TextEditor(source, into: out)
    var isChanged = false
    try pattern.forEachMatch(source.bytes, source.count) { start, end in
      isChanged = true
      editor.copy(to: start)
      content.withUnsafeBufferPointer { editor.replace(to: end, with: $0) }
    }
    return isChanged ? editor.finish() : nil
  }
}

/// What is looked for in a text.
enum Pattern: Sendable {
  /// Not empty.
  case text([UInt8])
  case regex(Regex)

  /// Calls `body` with the begin and the end of each match, in order.
  @inline(__always) func forEachMatch(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ body: (_ start: Int, _ end: Int) throws(RecordFault) -> Void
  ) throws(RecordFault) {
    switch self {
    case .text(let text):
      var index = 0
      while index + text.count <= count, let found = memchr(bytes + index, Int32(text[0]), count - text.count - index + 1) {
        let start = UnsafeRawPointer(found) - UnsafeRawPointer(bytes)
        if memcmp(found, text, text.count) == 0 {
          try body(start, start + text.count)
          index = start + text.count
        } else {
          index = start + 1
        }
      }
    case .regex(let regex):
      var matches = Regex.Matches(regex, bytes, count)
      while let (start, end) = try matches.match() { try body(start, end) }
    }
  }
}
