import Sheaf

/// One step of a tokenizer's normalisation.
enum Normalizer: Sendable {
  case unicode(UnicodeNormalizer)
  /// BERT's cleaning of controls and blanks, and its blanks around ideographs.
  case clean(removesControls: Bool, separatesIdeographs: Bool)
  case lowercase
  case remove(CharacterClass)
  case strip(left: Bool, right: Bool)
  case replace(Replacement)
  case prepend([UInt8])
  /// What sentencepiece once called `nmt`: controls are gone, blanks of all kinds become spaces.
  case nmt
  case precompiled(PrecompiledMap)
  case byteLevel

  /// The text written anew; `nil`: it stays as it is.
  func apply(_ source: TextView, into out: TextBuffer) throws(RecordFault) -> TextView? {
    switch self {
    case .unicode(let form): form.apply(source, into: out)
    case .clean(let removes, let separates): Self.clean(source, into: out, removesControls: removes, separatesIdeographs: separates)
    case .lowercase: Self.lowercase(source, into: out)
    case .remove(let characters): Self.rewrite(source, into: out) { CharacterClass.of($0).isDisjoint(with: characters) ? $0 : nil }
    case .strip(let left, let right): Self.strip(source, into: out, left: left, right: right)
    case .replace(let replacement): try replacement.apply(source, into: out)
    case .prepend(let bytes): Self.prepend(bytes, source, into: out)
    case .nmt: Self.rewrite(source, into: out, Self.nmt)
    case .precompiled(let map): map.apply(source, into: out)
    case .byteLevel: ByteAlphabet.apply(source, into: out)
    }
  }

  /// Replaces every character by another one or by none.
  @inline(__always) private static func rewrite(_ source: TextView, into out: TextBuffer, _ map: (UInt32) -> UInt32?) -> TextView? {
    var editor = TextEditor(source, into: out)
    var isChanged = false
    var index = 0
    while index < source.count {
      let start = index
      let scalar = UTF8Bytes.decode(source.bytes, &index)
      let mapped = map(scalar)
      if mapped == scalar { continue }
      isChanged = true
      editor.copy(to: start)
      if let mapped { editor.put(mapped, 0) } else { editor.skip(1) }
    }
    return isChanged ? editor.finish() : nil
  }

  private static func clean(_ source: TextView, into out: TextBuffer, removesControls: Bool, separatesIdeographs: Bool) -> TextView? {
    var editor = TextEditor(source, into: out)
    var isChanged = false
    var index = 0
    while index < source.count {
      let start = index
      let scalar = UTF8Bytes.decode(source.bytes, &index)
      // The tab and the ends of lines are controls that count as blanks.
      let isBlank = CharacterClass.of(scalar).contains(.space)
      let isControl = CharacterClass.of(scalar).contains(.control) && scalar != 9 && scalar != 10 && scalar != 13
      if removesControls, isControl || scalar == 0xFFFD {
        editor.copy(to: start)
        editor.skip(1)
      } else if removesControls, isBlank, scalar != 0x20 {
        editor.copy(to: start)
        editor.put(0x20, 0)
      } else if separatesIdeographs, UnicodeScalars.isIdeograph(scalar) {
        editor.copy(to: start)
        editor.put(0x20, 0)
        editor.put(scalar, 1)
        editor.put(0x20, 1)
      } else {
        continue
      }
      isChanged = true
    }
    return isChanged ? editor.finish() : nil
  }

  private static func lowercase(_ source: TextView, into out: TextBuffer) -> TextView? {
    var editor = TextEditor(source, into: out)
    var isChanged = false
    var index = 0
    while index < source.count {
      let start = index
      if source.bytes[index] < 0x80 {
        let byte = source.bytes[index]
        index &+= 1
        if byte &- 65 >= 26 { continue }
        editor.copy(to: start)
        editor.put(UInt32(byte | 32), 0)
      } else {
        let scalar = UTF8Bytes.decode(source.bytes, &index)
        let (first, second) = UnicodeScalars.lowercase(scalar)
        if first == scalar { continue }
        editor.copy(to: start)
        editor.put(first, 0)
        if let second { editor.put(second, 1) }
      }
      isChanged = true
    }
    return isChanged ? editor.finish() : nil
  }

  private static func strip(_ source: TextView, into out: TextBuffer, left: Bool, right: Bool) -> TextView? {
    var start = 0, end = source.count
    while left, start < end {
      var next = start
      guard CharacterClass.of(UTF8Bytes.decode(source.bytes, &next)).contains(.space) else { break }
      start = next
    }
    while right, start < end {
      var last = end - 1
      while UTF8Bytes.continues(source.bytes[last]) { last -= 1 }
      var next = last
      guard CharacterClass.of(UTF8Bytes.decode(source.bytes, &next)).contains(.space) else { break }
      end = last
    }
    if start == 0 && end == source.count { return nil }
    var editor = TextEditor(source, into: out)
    editor.drop(to: start)
    editor.copy(to: end)
    return editor.result
  }

  private static func prepend(_ bytes: [UInt8], _ source: TextView, into out: TextBuffer) -> TextView? {
    if source.count == 0 || bytes.isEmpty { return nil }
    var editor = TextEditor(source, into: out)
    bytes.withUnsafeBufferPointer { editor.prepend($0) }
    return editor.finish()
  }

  private static func nmt(_ scalar: UInt32) -> UInt32? {
    switch scalar {
    case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: nil
    case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: 0x20
    default: scalar
    }
  }
}
