import Sheaf

/// One step of cutting a normalised text into words.
enum PreTokenizer: Sendable {
  case split(Splitter)
  /// A space before every word that has none.
  case prefixSpace
  /// Every byte as its character of GPT-2's alphabet.
  case byteAlphabet
  case metaspace(Metaspace)
  /// Where the script changes.
  case scripts
  /// So many characters each.
  case fixedLength(Int)

  /// Whether the step writes the text anew.
  var edits: Bool {
    switch self {
    case .split, .scripts, .fixedLength: false
    case .prefixSpace, .byteAlphabet, .metaspace: true
    }
  }

  /// Cuts words of a text into smaller ones. - Returns: the text that the words are part of; `view`, where nothing of it has changed.
  func apply(_ view: TextView, _ words: borrowing WordList, into out: TextBuffer, _ outWords: inout WordList) throws(RecordFault) -> TextView {
    outWords.removeAll()
    switch self {
    case .split(let splitter):
      for index in 0..<words.count { try splitter.split(view, words[index].start, words[index].end, into: &outWords) }
    case .scripts:
      for index in 0..<words.count { Scripts.split(view, words[index].start, words[index].end, into: &outWords) }
    case .fixedLength(let length):
      for index in 0..<words.count { Self.cut(view, words[index].start, words[index].end, length, into: &outWords) }
    case .metaspace(let metaspace): return metaspace.apply(view, words, into: out, &outWords)
    case .prefixSpace: return Self.rewrite(view, words, into: out, &outWords, Self.prefixSpace)
    case .byteAlphabet: return Self.rewrite(view, words, into: out, &outWords, Self.byteAlphabet)
    }
    return view
  }

  private static func cut(_ view: TextView, _ start: Int, _ end: Int, _ length: Int, into words: inout WordList) {
    var word = start, characters = 0
    for index in start..<end where !UTF8Bytes.continues(view.bytes[index]) {
      if characters == length {
        words.append(word, index)
        word = index
        characters = 0
      }
      characters += 1
    }
    words.append(word, end)
  }

  private static func rewrite(
    _ view: TextView, _ words: borrowing WordList, into out: TextBuffer, _ outWords: inout WordList, _ write: (TextView, Int, Int, TextBuffer) -> Void
  ) -> TextView {
    out.removeAll()
    for index in 0..<words.count {
      let start = out.count
      write(view, words[index].start, words[index].end, out)
      outWords.append(start, out.count)
    }
    return out.view(origin: view.origin, isAtStart: view.isAtStart && words.count > 0 && words[0].start == 0)
  }

  private static func prefixSpace(_ view: TextView, _ start: Int, _ end: Int, _ out: TextBuffer) {
    if view.bytes[start] != 0x20 { out.append(0x20, view.place(start, start + 1)) }
    out.append(view, start, end)
  }

  private static func byteAlphabet(_ view: TextView, _ start: Int, _ end: Int, _ out: TextBuffer) {
    for index in start..<end { out.append(ByteAlphabet.characters[Int(view.bytes[index])], view.place(index, index + 1)) }
  }
}
