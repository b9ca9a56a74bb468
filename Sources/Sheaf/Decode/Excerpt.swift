/// At most 60 bytes of something a sender wrote, to be shown back in a fault; what is not UTF-8 is replaced.
func excerpt(_ bytes: UnsafeRawBufferPointer) -> String {
  if bytes.count <= 60 { return String(decoding: bytes, as: UTF8.self) }
  var end = 57
  while end > 54, bytes[end] & 0xC0 == 0x80 { end -= 1 }  // Not in the middle of a character.
  return String(decoding: bytes[..<end], as: UTF8.self) + "…"
}
