import Glibc

/// The digits of a number as they stand in the text: ±mantissa × 10^exponent.
struct JSONDecimal {
  var isNegative: Bool
  /// Exact where there are at most 19 significant digits; else meaningless.
  var mantissa: UInt64
  var exponent: Int
  var digits: Int
  /// Written without point and exponent.
  var isInteger: Bool
  /// Where the number begins.
  var start: Int
}

extension JSONReader {
  /// Reads a number's digits.
  @inline(__always) mutating func decimal(_ expected: @autoclosure () -> String) throws(RecordFault) -> JSONDecimal {
    _ = peek()
    let start = position
    let isNegative = current == UInt8(ascii: "-")
    if isNegative { position &+= 1 }
    guard isDigit else {
      var before = self
      before.position = start
      if let fault = before.notFinite(), expected() == "a number" { throw fault }
      if !isNegative { throw unexpected(expected()) }
      throw RecordFault(.malformed, expected: "a digit after the minus sign", came: "something else at byte \(position)")
    }
    var mantissa: UInt64 = 0
    var digits = 0
    var exponent = 0
    var isInteger = true
    if bytes[position] == UInt8(ascii: "0") {
      position &+= 1
      if isDigit { throw RecordFault(.malformed, expected: "a number without leading zeros", came: "one at byte \(start)") }
    } else {
      let first = position
      while isDigit { mantissa = mantissa &* 10 &+ takeDigit() }
      digits = position &- first
    }
    if current == UInt8(ascii: ".") {
      position &+= 1
      isInteger = false
      let first = position
      // Zeros before the first significant digit only move the exponent.
      if mantissa == 0 && digits == 0 { while current == UInt8(ascii: "0") { position &+= 1 } }
      let significant = position
      while isDigit { mantissa = mantissa &* 10 &+ takeDigit() }
      digits &+= position &- significant
      exponent = first &- position
      if exponent == 0 { throw RecordFault(.malformed, expected: "a digit after the point", came: "none at byte \(position)") }
    }
    if current | 32 == UInt8(ascii: "e") {
      position &+= 1
      isInteger = false
      let isMinus = current == UInt8(ascii: "-")
      if isMinus || current == UInt8(ascii: "+") { position &+= 1 }
      guard isDigit else { throw RecordFault(.malformed, expected: "a digit in the exponent", came: "none at byte \(position)") }
      var power = 0
      while isDigit {
        let digit = Int(takeDigit())
        if power < 1_000_000_000 { power = power &* 10 &+ digit }
      }
      exponent &+= isMinus ? -power : power
    }
    return JSONDecimal(isNegative: isNegative, mantissa: mantissa, exponent: exponent, digits: digits, isInteger: isInteger, start: start)
  }

  @inline(__always) private var isDigit: Bool { position < count && bytes[position] &- UInt8(ascii: "0") < 10 }

  @inline(__always) private mutating func takeDigit() -> UInt64 {
    let digit = UInt64(bytes[position] &- UInt8(ascii: "0"))
    position &+= 1
    return digit
  }

  /// The nearest double (ties to even).
  ///
  /// Up to 2^53 and 10^±22 both parts are exact doubles, so one operation rounds once (Clinger, "How to read floating point
  /// numbers accurately", 1990); the C library does the rest.
  @inline(__always) mutating func double() throws(RecordFault) -> Double {
    let number = try decimal("a number")
    if number.digits <= 19, number.mantissa <= 1 << 53, abs(number.exponent) <= 22 {
      let power = powers[abs(number.exponent)]
      let value = number.exponent < 0 ? Double(number.mantissa) / power : Double(number.mantissa) * power
      return number.isNegative ? -value : value
    }
    let value = inCLocale(from: number.start) { strtod($0, nil) }
    guard value.isFinite else { throw outOfRange("a number that FP64 can hold", from: number.start) }
    return value
  }

  /// The nearest float (ties to even).
  ///
  /// 19 digits and 10^±64 as doubles are off by less than 4 units in the last place, so their quotient or product rounds to the
  /// right float unless it lies that close to the middle between two floats; what does is left to the C library.
  @inline(__always) mutating func float() throws(RecordFault) -> Float {
    let number = try decimal("a number")
    if number.mantissa == 0, number.digits <= 19 { return number.isNegative ? -0.0 : 0 }
    if number.digits <= 19, abs(number.exponent) <= 64 {
      let power = powers[abs(number.exponent)]
      let value = number.exponent < 0 ? Double(number.mantissa) / power : Double(number.mantissa) * power
      let fromMiddle = Int64(value.bitPattern & 0x1FFF_FFFF) &- 0x1000_0000
      if value >= Double(Float.leastNormalMagnitude), value <= Double(Float.greatestFiniteMagnitude), fromMiddle > 8 || fromMiddle < -8 {
        return Float(number.isNegative ? -value : value)
      }
    }
    let value = inCLocale(from: number.start) { strtof($0, nil) }
    guard value.isFinite else { throw outOfRange("a number that FP32 can hold", from: number.start) }
    return value
  }

  /// The nearest double, rounded to half precision (as numpy does it).
  @inline(__always) mutating func half() throws(RecordFault) -> Float16 {
    _ = peek()
    let start = position
    let value = Float16(try double())
    guard value.isFinite else { throw outOfRange("a number that FP16 can hold", from: start) }
    return value
  }

  /// An integer: digits only, since 1.5 has no place in an integer tensor and 1e3 or 1.0 hint at a sender that means floats.
  @inline(__always) mutating func integer<T: FixedWidthInteger>() throws(RecordFault) -> T {
    let number = try decimal("an integer")
    if number.isInteger, number.digits <= 19 {
      if !number.isNegative {
        if let value = T(exactly: number.mantissa) { return value }
      } else if number.mantissa <= 1 << 63, let value = T(exactly: Int64(truncatingIfNeeded: 0 &- number.mantissa)) {
        return value
      }
    }
    return try wideInteger(number)
  }

  /// The rest of `integer`: 20 digits of a UInt64, and what is wrong with all others.
  @inline(never) private func wideInteger<T: FixedWidthInteger>(_ number: JSONDecimal) throws(RecordFault) -> T {
    guard number.isInteger else { throw outOfRange("an integer", from: number.start) }
    let text = UnsafeBufferPointer(start: bytes + number.start, count: position - number.start)
    if let value = T(String(decoding: text, as: UTF8.self)) { return value }
    throw outOfRange("an integer that \("\(T.self)".uppercased()) can hold", from: number.start)
  }

  /// true or false, or 1 or 0.
  @inline(__always) mutating func boolean() throws(RecordFault) -> Bool {
    let byte = peek()
    if byte == UInt8(ascii: "t") {
      try literal("true")
      return true
    }
    if byte == UInt8(ascii: "f") {
      try literal("false")
      return false
    }
    let number = try decimal("true or false")
    let isOneDigit = position == number.start + 1
    guard isOneDigit, number.mantissa <= 1 else { throw outOfRange("true or false", from: number.start) }
    return number.mantissa == 1
  }

  // MARK: Numbers of another type than the model's

  /// A whole number that a float holds exactly.
  mutating func wholeFloat<T: BinaryFloatingPoint>(_ type: String) throws(RecordFault) -> T {
    _ = peek()
    let start = position, value: Int64 = try integer()
    guard let exact = T(exactly: value) else { throw outOfRange("a whole number that \(type) holds exactly, as the model takes it", from: start) }
    return exact
  }

  /// A number without a fraction, however it is written.
  mutating func wholeNumber<T: FixedWidthInteger>() throws(RecordFault) -> T {
    _ = peek()
    let start = position, value = try double()
    guard abs(value) <= 0x1p53, let exact = T(exactly: value) else { throw outOfRange("a whole number that \("\(T.self)".uppercased()) can hold, as the model takes it", from: start) }
    return exact
  }

  /// NaN, Infinity, -Infinity, as they are or as strings, or null, which stands for NaN; `nil`: something else comes.
  mutating func nonFinite() throws(RecordFault) -> Double? {
    let byte = peek()
    guard byte == UInt8(ascii: "N") || byte == UInt8(ascii: "I") || byte == UInt8(ascii: "n") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "-") else { return nil }
    for (word, value) in [("NaN", Double.nan), ("Infinity", .infinity), ("-Infinity", -.infinity), ("null", .nan), ("\"NaN\"", .nan), ("\"Infinity\"", .infinity), ("\"-Infinity\"", -.infinity)] as [(StaticString, Double)] {
      guard count - position >= word.utf8CodeUnitCount, memcmp(bytes + position, word.utf8Start, word.utf8CodeUnitCount) == 0 else { continue }
      position += word.utf8CodeUnitCount
      return value
    }
    return nil
  }

  /// Where a float was to come, and one of the words that JSON has no number for stands there.
  @inline(never) func notFinite() -> RecordFault? {
    var ahead = self
    guard (try? ahead.nonFinite()) ?? nil != nil else { return nil }
    let text = excerpt(UnsafeRawBufferPointer(start: bytes + position, count: ahead.position - position))
    return RecordFault(.wrongInput, expected: "a number; NaN is sent raw (application/octet-stream), or as NaN or null where topics.nonFinite is accept", came: "\(text) at byte \(position)")
  }

  @inline(never) private func outOfRange(_ expected: String, from start: Int) -> RecordFault {
    let text = excerpt(UnsafeRawBufferPointer(start: bytes + start, count: position - start))
    return RecordFault(.outOfRange, expected: expected, came: "\(text) at byte \(start)")
  }

  /// Calls `body` with the text from `start` to the position, zero-terminated (a record's value has no zero at its end), in the
  /// locale where the decimal point is a point, whatever the process that uses this library has set.
  @inline(never) private func inCLocale<T>(from start: Int, _ body: (UnsafePointer<CChar>) -> T) -> T {
    let length = position - start
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + 1) { text in
      memcpy(text.baseAddress!, bytes + start, length)
      text[length] = 0
      let locale = uselocale(cLocale)
      defer { uselocale(locale) }
      return body(text.baseAddress!)
    }
  }
}

/// 10^0 to 10^64, each the nearest double.
nonisolated(unsafe) let powersOfTen: UnsafePointer<Double> = {
  let powers = UnsafeMutablePointer<Double>.allocate(capacity: 65)
  for exponent in 0...64 { powers[exponent] = Double("1e\(exponent)")! }
  return UnsafePointer(powers)
}()

private nonisolated(unsafe) let cLocale: locale_t = newlocale(1 << LC_NUMERIC, "C", nil)!
