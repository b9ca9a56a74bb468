import Glibc
import Sheaf

/// Sentencepiece's way with blanks: a visible character takes their place, and begins a word.
struct Metaspace: Sendable {
  enum Scheme: String {
    case always
    case first
    case never
  }
  /// The character instead of a blank.
  let replacement: [UInt8]
  /// Which words get one that have none.
  let scheme: Scheme
  /// Whether words are cut before it.
  let splits: Bool

  /// Writes words of a text anew, and where the words among them are.
  func apply(_ view: TextView, _ words: borrowing WordList, into out: TextBuffer, _ outWords: inout WordList) -> TextView {
    out.removeAll()
    outWords.removeAll()
    replacement.withUnsafeBufferPointer { replacement in
      for index in 0..<words.count {
        let (start, end) = words[index]
        rewrite(view, start, end, replacement, into: out, &outWords)
      }
    }
    return out.view(origin: view.origin, isAtStart: view.isAtStart && words.count > 0 && words[0].start == 0)
  }

  private func rewrite(
    _ view: TextView, _ start: Int, _ end: Int, _ replacement: UnsafeBufferPointer<UInt8>, into out: TextBuffer, _ words: inout WordList
  ) {
    func isReplacement(_ index: Int) -> Bool {
      view.bytes[index] == replacement[0] && index + replacement.count <= end
        && memcmp(view.bytes + index, replacement.baseAddress!, replacement.count) == 0
    }
    var word = out.count
    let prepends = scheme == .always || scheme == .first && view.isAtStart && start == 0
    if prepends, view.bytes[start] != 0x20, !isReplacement(start) { out.append(replacement, view.place(start, start + 1)) }
    var done = start
    for index in start..<end where view.bytes[index] == 0x20 || isReplacement(index) {
      out.append(view, done, index)
      if splits {
        words.append(word, out.count)
        word = out.count
      }
      done = index
      if view.bytes[index] == 0x20 {
        out.append(replacement, view.place(index, index + 1))
        done = index + 1
      }
    }
    out.append(view, done, end)
    words.append(word, out.count)
  }
}
