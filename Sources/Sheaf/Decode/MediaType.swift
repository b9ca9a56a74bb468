/// Content-type and accept headers: which of the few media types that Sheaf reads and writes they name.
enum MediaType {
  /// The format that a content-type names. Quotes around it, as Spring's JSON mapper writes them, are no part of it.
  /// - Throws: a fault that names the header where it names something else, or a character set that `value` is not in.
  static func format(_ header: UnsafeRawBufferPointer, of value: UnsafeRawBufferPointer) throws(RecordFault) -> DecodeOptions.Format {
    let text = unquoted(header[...]), name = essence(text)
    let format: DecodeOptions.Format
    if equals(name, "application/octet-stream") { format = .raw } else if equals(name, "application/json") { format = .json } else if equals(name, "text/plain") { format = .text } else {
      throw RecordFault(.unsupported, expected: "content-type application/json, text/plain or application/octet-stream", came: excerpt(header))
    }
    if format != .raw, let charset = parameter("charset", of: text), !equals(charset, "utf-8"), !equals(charset, "utf8"), !equals(charset, "us-ascii") {
      // Of most character sets the first half is ASCII.
      guard !equals(charset.prefix(6), "utf-16"), !equals(charset.prefix(6), "utf-32"), value.allSatisfy({ $0 < 0x80 }) else {
        throw RecordFault(.unsupported, expected: "content-type with charset utf-8", came: excerpt(header))
      }
    }
    return format
  }

  /// The reply format of the first media range in an accept header that can be written (weights are ignored), `fallback` for
  /// `*/*`; `nil`: none of them can.
  static func replyFormat(_ header: UnsafeRawBufferPointer, fallback: ReplyFormat) -> ReplyFormat? {
    var rest = unquoted(header[...])
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

  private typealias Text = Slice<UnsafeRawBufferPointer>

  private static func unquoted(_ text: Text) -> Text {
    let text = trimmed(text)
    guard text.count >= 2, text.first == UInt8(ascii: "\""), text.last == UInt8(ascii: "\"") else { return text }
    return text.dropFirst().dropLast()
  }

  /// What stands before the parameters, without blanks around it.
  private static func essence(_ text: Text) -> Text { trimmed(text[..<(text.firstIndex(of: UInt8(ascii: ";")) ?? text.endIndex)]) }

  /// The value of a parameter, without quotes; `nil`: there is none of that name.
  private static func parameter(_ name: StaticString, of text: Text) -> Text? {
    for part in text.split(separator: UInt8(ascii: ";")).dropFirst() {
      guard let sign = part.firstIndex(of: UInt8(ascii: "=")), equals(trimmed(part[..<sign]), name) else { continue }
      return unquoted(part[part.index(after: sign)...])
    }
    return nil
  }

  private static func trimmed(_ text: Text) -> Text {
    var text = text
    while let byte = text.first, byte == 32 || byte == 9 { text.removeFirst() }
    while let byte = text.last, byte == 32 || byte == 9 { text.removeLast() }
    return text
  }

  /// Whether `text` is `name` (lower-case ASCII), in any case.
  private static func equals(_ text: Text, _ name: StaticString) -> Bool {
    guard text.count == name.utf8CodeUnitCount else { return false }
    for (offset, byte) in text.enumerated() {
      let lower = byte &- 65 < 26 ? byte | 32 : byte
      if lower != name.utf8Start[offset] { return false }
    }
    return true
  }
}
