/// UTF-8 as bytes: checked as a whole first, then decoded without checks.
package enum UTF8Bytes {
  /// Where the first byte stands that is not UTF-8 (overlong forms, surrogates and scalars above 10FFFF are not); `nil`: all is.
  package static func firstInvalid(_ text: UnsafeRawBufferPointer) -> Int? {
    let count = text.count
    var index = 0
    while index < count {
      // Eight ASCII bytes at a time.
      while index + 8 <= count, text.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 { index += 8 }
      guard index < count else { return nil }
      let first = text[index]
      if first < 0x80 {
        index += 1
        continue
      }
      let length: Int
      var low: UInt8 = 0x80
      var high: UInt8 = 0xBF
      switch first {
      case 0xC2...0xDF: length = 2
      case 0xE0...0xEF:
        length = 3
        if first == 0xE0 { low = 0xA0 }
        if first == 0xED { high = 0x9F }
      case 0xF0...0xF4:
        length = 4
        if first == 0xF0 { low = 0x90 }
        if first == 0xF4 { high = 0x8F }
      default: return index
      }
      guard index + length <= count, text[index + 1] >= low, text[index + 1] <= high else { return index }
      for offset in 2..<max(2, length) where text[index + offset] & 0xC0 != 0x80 { return index }
      index += length
    }
    return nil
  }

  /// The scalar at `index` of valid UTF-8; `index` moves behind it.
  @inlinable @inline(__always) package static func decode(_ text: UnsafePointer<UInt8>, _ index: inout Int) -> UInt32 {
    let first = UInt32(text[index])
    if first < 0x80 {
      index &+= 1
      return first
    }
    let second = UInt32(text[index + 1] & 0x3F)
    if first < 0xE0 {
      index &+= 2
      return (first & 0x1F) << 6 | second
    }
    let third = UInt32(text[index + 2] & 0x3F)
    if first < 0xF0 {
      index &+= 3
      return (first & 0xF) << 12 | second << 6 | third
    }
    let fourth = UInt32(text[index + 3] & 0x3F)
    index &+= 4
    return (first & 7) << 18 | second << 12 | third << 6 | fourth
  }

  /// Writes a scalar as 1 to 4 bytes and returns how many.
  @inlinable @inline(__always) package static func encode(_ scalar: UInt32, into out: UnsafeMutablePointer<UInt8>) -> Int {
    if scalar < 0x80 {
      out[0] = UInt8(scalar)
      return 1
    }
    let last = UInt8(0x80 | scalar & 0x3F)
    if scalar < 0x800 {
      out[0] = UInt8(0xC0 | scalar >> 6)
      out[1] = last
      return 2
    }
    let before = UInt8(0x80 | scalar >> 6 & 0x3F)
    if scalar < 0x10000 {
      out[0] = UInt8(0xE0 | scalar >> 12)
      out[1] = before
      out[2] = last
      return 3
    }
    out[0] = UInt8(0xF0 | scalar >> 18)
    out[1] = UInt8(0x80 | scalar >> 12 & 0x3F)
    out[2] = before
    out[3] = last
    return 4
  }
}
