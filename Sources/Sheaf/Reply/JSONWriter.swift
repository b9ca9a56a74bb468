import Glibc

/// A buffer that JSON is written to, used again from reply to reply; it only grows.
struct JSONWriter: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity = 4096
  private var count = 0

  init() { base = .allocate(capacity: capacity) }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  mutating func clear() { count = 0 }

  /// Makes room for `size` more bytes.
  @inline(__always) private mutating func reserve(_ size: Int) {
    if size > capacity - count { grow(count + size) }
  }

  @inline(never) private mutating func grow(_ needed: Int) {
    capacity = max(needed, capacity * 2)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    memcpy(larger, base, count)
    base.deallocate()
    base = larger
  }

  // MARK: Text

  /// As it stands: punctuation, and text that is JSON already.
  mutating func write(_ text: UnsafeRawBufferPointer) {
    guard let start = text.baseAddress else { return }
    reserve(text.count)
    memcpy(base + count, start, text.count)
    count += text.count
  }

  @inline(__always) mutating func write(_ text: StaticString) {
    write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always) mutating func write(byte: UInt8) {
    reserve(1)
    base[count] = byte
    count &+= 1
  }

  /// A string with its quotes. Swift strings are valid Unicode, so the reply is, whatever a sender wrote.
  mutating func write(string: String) {
    var string = string
    write(byte: UInt8(ascii: "\""))
    string.withUTF8 { text in
      reserve(text.count * 6)
      for byte in text {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
          base[count] = UInt8(ascii: "\\")
          base[count + 1] = byte
          count += 2
        case 0..<32, 127:
          write("\\u00")
          write(byte: hex(byte >> 4))
          write(byte: hex(byte & 15))
        default:
          base[count] = byte
          count += 1
        }
      }
    }
    write(byte: UInt8(ascii: "\""))
  }

  private func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a") }

  // MARK: Numbers

  @inline(__always) mutating func write(_ value: some FixedWidthInteger) {
    reserve(20)
    var magnitude = UInt64(value.magnitude)
    if value < 0 {
      base[count] = UInt8(ascii: "-")
      count &+= 1
    }
    var digits = 1
    var bound: UInt64 = 10
    while digits < 20, magnitude >= bound {
      digits &+= 1
      bound = digits == 20 ? .max : bound &* 10
    }
    var place = count &+ digits
    count = place
    repeat {
      place &-= 1
      base[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: magnitude % 10)
      magnitude /= 10
    } while magnitude > 0
  }

  /// The shortest text that reads back as the same value; `null` for what JSON has no number for (NaN and infinities).
  @inline(__always) mutating func write<T: BinaryFloatingPoint & CustomStringConvertible>(_ value: T) {
    guard value.isFinite else { return write("null") }
    // Up to 15 bytes, which is every float, a string lives without memory of its own.
    var text = value.description
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }
}
