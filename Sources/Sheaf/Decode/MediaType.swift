/// Content-type and accept headers: which of the few media types that Sheaf reads and writes they name.
enum MediaType {
  /// The format that a content-type names, its parameters (`; charset=…`) ignored; `nil`: none that is read.
  static func format(_ header: UnsafeRawBufferPointer) -> DecodeOptions.Format? {
    let name = essence(header[...])
    if equals(name, "application/octet-stream") { return .raw }
    if equals(name, "application/json") { return .json }
    if equals(name, "text/plain") { return .text }
    return nil
  }

  /// The reply format of the first media range in an accept header that can be written (weights are ignored), `fallback` for
  /// `*/*`; `nil`: none of them can.
  static func replyFormat(_ header: UnsafeRawBufferPointer, fallback: ReplyFormat) -> ReplyFormat? {
    var rest = header[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
      let name = essence(rest[..<end])
      if equals(name, "application/json") || equals(name, "application/*") && fallback == .json { return .json }
      if equals(name, "application/octet-stream") || equals(name, "application/*") { return .raw }
      if equals(name, "*/*") { return fallback }
      rest = rest[min(end + 1, rest.endIndex)...]
    }
    return nil
  }

  /// What stands before the parameters, without blanks around it.
  private static func essence(_ text: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
    var name = text[..<(text.firstIndex(of: UInt8(ascii: ";")) ?? text.endIndex)]
    while let byte = name.first, byte == 32 || byte == 9 { name.removeFirst() }
    while let byte = name.last, byte == 32 || byte == 9 { name.removeLast() }
    return name
  }

  /// Whether `text` is `name` (lower-case ASCII), in any case.
  private static func equals(_ text: Slice<UnsafeRawBufferPointer>, _ name: StaticString) -> Bool {
    guard text.count == name.utf8CodeUnitCount else { return false }
    for (offset, byte) in text.enumerated() {
      let lower = byte &- 65 < 26 ? byte | 32 : byte
      if lower != name.utf8Start[offset] { return false }
    }
    return true
  }
}
