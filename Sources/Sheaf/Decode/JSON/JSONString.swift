import Glibc

/// A string of a JSON text where it stands: between its quotes, escapes checked but kept.
struct JSONString {
  var raw: UnsafeRawBufferPointer
  var isEscaped: Bool
  /// Where it begins in the JSON text, in bytes.
  var position: Int

  /// Whether it is written as `text`, without escapes.
  @inline(__always) func equals(_ text: StaticString) -> Bool {
    raw.count == text.utf8CodeUnitCount && memcmp(raw.baseAddress!, text.utf8Start, raw.count) == 0
  }

  /// Its bytes without escapes: in place where it has none, else in `scratch`, valid until that is used again.
  /// - Throws: malformed for half a surrogate pair, which no UTF-8 can hold.
  func unescaped(_ scratch: JSONScratch) throws(RecordFault) -> UnsafeRawBufferPointer {
    guard isEscaped else { return raw }
    // No escape is shorter than what it stands for: \u00e9 is two bytes, a pair of twelve four.
    let out = scratch.reserve(raw.count)
    return UnsafeRawBufferPointer(start: out, count: try unescape(into: out))
  }

  private func unescape(into out: UnsafeMutablePointer<UInt8>) throws(RecordFault) -> Int {
    var written = 0
    var index = 0
    while index < raw.count {
      let byte = raw[index]
      guard byte == UInt8(ascii: "\\") else {
        out[written] = byte
        written += 1
        index += 1
        continue
      }
      let letter = raw[index + 1]
      index += 2
      switch letter {
      case UInt8(ascii: "b"): out[written] = 8
      case UInt8(ascii: "f"): out[written] = 12
      case UInt8(ascii: "n"): out[written] = 10
      case UInt8(ascii: "r"): out[written] = 13
      case UInt8(ascii: "t"): out[written] = 9
      case UInt8(ascii: "u"):
        written += UTF8Bytes.encode(try scalar(&index), into: out + written)
        continue
      default: out[written] = letter
      }
      written += 1
    }
    return written
  }

  /// The scalar of a \u escape, or of two that are a surrogate pair; `index` stands behind the u.
  private func scalar(_ index: inout Int) throws(RecordFault) -> UInt32 {
    let start = index - 2
    let unit = hex(index)
    index += 4
    guard unit & 0xF800 == 0xD800 else { return unit }
    if unit < 0xDC00, index + 6 <= raw.count, raw[index] == UInt8(ascii: "\\"), raw[index + 1] == UInt8(ascii: "u") {
      let low = hex(index + 2)
      if low & 0xFC00 == 0xDC00 {
        index += 6
        return 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
      }
    }
    throw RecordFault(.malformed, expected: "a surrogate pair", came: "half of one, \\u\(String(unit, radix: 16)), at byte \(position + start)")
  }

  private func hex(_ index: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 << 4 | (hexDigit(raw[index + $1]) ?? 0) }
  }
}

/// Memory for the strings that have to be written anew to be read; it only grows.
final class JSONScratch {
  private var memory: UnsafeMutablePointer<UInt8>?
  private var capacity = 0

  deinit { memory?.deallocate() }

  func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    if let memory, count <= capacity { return memory }
    memory?.deallocate()
    capacity = max(256, count)
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    self.memory = memory
    return memory
  }
}
