import Sheaf

extension UTF8Bytes {
  /// How many bytes a character has that begins with this one.
  @inline(__always) static func length(_ first: UInt8) -> Int { first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4 }

  /// Whether a byte goes on with a character.
  @inline(__always) static func continues(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
