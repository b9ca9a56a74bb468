import Sheaf

/// GPT-2's alphabet: a printable character for every byte, in which byte-level vocabularies are written.
enum ByteAlphabet {
  /// The character of each byte.
  static let characters: [UInt32] = {
    var next: UInt32 = 256
    return (UInt32(0)...255).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte that each of the characters stands for.
  private static let bytes = Dictionary(uniqueKeysWithValues: characters.enumerated().map { ($1, UInt8($0)) })

  /// The bytes that a piece of a vocabulary stands for; `nil`: it has a character that is none of the alphabet.
  static func decode(_ piece: ArraySlice<UInt8>) -> [UInt8]? {
    piece.withUnsafeBufferPointer { piece in
      var decoded: [UInt8] = []
      var index = 0
      while index < piece.count {
        guard let byte = bytes[UTF8Bytes.decode(piece.baseAddress!, &index)] else { return nil }
        decoded.append(byte)
      }
      return decoded
    }
  }

  /// Writes every byte of a text as its character.
  static func apply(_ source: TextView, into out: TextBuffer) -> TextView? {
    if source.count == 0 { return nil }
    var editor = TextEditor(source, into: out)
    characters.withUnsafeBufferPointer { characters in
      for index in 0..<source.count { editor.put(characters[Int(source.bytes[index])], UTF8Bytes.continues(source.bytes[index]) ? 1 : 0) }
    }
    return editor.result
  }
}
