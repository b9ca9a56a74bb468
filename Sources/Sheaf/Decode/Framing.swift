/// What senders put around their text or JSON, or make of it, that would otherwise be misread or told of as a stray byte.
enum Framing {
  /// The fault of a value that is not the UTF-8 text or JSON it is to be read as, where its first bytes say what it is instead.
  static func fault(_ value: UnsafeRawBufferPointer) -> RecordFault? {
    guard value.count >= 2 else { return nil }
    if value[0] == 0x1F, value[1] == 0x8B { return refused("a value that is not compressed", "gzip") }
    if value[0] == 0xFF && value[1] == 0xFE || value[0] == 0xFE && value[1] == 0xFF { return refused("UTF-8", "UTF-16, by its byte order mark") }
    // A zero byte, then the schema's number in four.
    if value.count >= 6, value[0] == 0 {
      return refused("a value without a schema registry's framing (use a plain string or JSON serializer)", "a zero byte and four bytes of a schema's number, as Confluent's serializers write")
    }
    if isUTF16(value) { return refused("UTF-8", "every other byte zero, as UTF-16 has it") }
    return nil
  }

  private static func refused(_ expected: String, _ came: String) -> RecordFault { RecordFault(.unsupported, expected: expected, came: came) }

  /// Latin text in UTF-16 without a byte order mark.
  private static func isUTF16(_ value: UnsafeRawBufferPointer) -> Bool {
    guard value.count >= 4, value.count % 2 == 0, (value[0] == 0) != (value[1] == 0) else { return false }
    let zero = value[0] == 0 ? 0 : 1
    return stride(from: 0, to: min(value.count, 256), by: 2).allSatisfy { value[$0 + zero] == 0 && value[$0 + 1 - zero] != 0 }
  }

  /// The same without a UTF-8 byte order mark.
  static func withoutMark(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    value.count >= 3 && value[0] == 0xEF && value[1] == 0xBB && value[2] == 0xBF ? UnsafeRawBufferPointer(rebasing: value[3...]) : value
  }

  /// What kind of JSON a text is as a whole, by its first byte; `nil`: it is none.
  static func json(_ value: UnsafeRawBufferPointer) -> UInt8? {
    var reader = JSONReader(value)
    let first = reader.peek()
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || first == UInt8(ascii: "\"") else { return nil }
    do throws(RecordFault) {
      try reader.skip()
      try reader.end()
    } catch { return nil }
    return first
  }
}
