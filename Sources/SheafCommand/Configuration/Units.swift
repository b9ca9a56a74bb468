import Sheaf

/// Durations and sizes as people write them: a whole number and its unit.
enum Units {
  static let durations: [(unit: String, nanoseconds: UInt64)] = [
    ("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
  ]
  static let sizes: [(unit: String, bytes: UInt64)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]

  /// Nanoseconds of "5ms", "10 s", "2min".
  static func duration(_ text: String) throws(Wrong) -> Nanoseconds {
    Nanoseconds(try measure(text, durations.map { ($0.unit, $0.nanoseconds) }, example: "5ms"))
  }

  /// Bytes of "16MiB", "64 KiB", "100B".
  static func bytes(_ text: String) throws(Wrong) -> Int {
    Int(try measure(text, sizes.map { ($0.unit, $0.bytes) }, example: "16MiB"))
  }

  /// In the largest unit that leaves a whole number.
  static func text(duration: Nanoseconds) -> String { text(UInt64(duration), durations.map { ($0.unit, $0.nanoseconds) }, zero: "0ms") }
  static func text(bytes: Int) -> String { text(UInt64(bytes), sizes.map { ($0.unit, $0.bytes) }, zero: "0B") }

  /// Why a text is no value, and what to write.
  struct Wrong: Error, Hashable {
    var problem: String
    var fix: String
  }

  private static func measure(_ text: String, _ units: [(String, UInt64)], example: String) throws(Wrong) -> UInt64 {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text[digits.endIndex...].drop { $0 == " " }
    let known = units.map(\.0).reversed().joined(separator: ", ")
    guard !digits.isEmpty else { throw Wrong(problem: "not a whole number with a unit", fix: "write it like \(example)") }
    guard !unit.isEmpty else { throw Wrong(problem: "has no unit", fix: "write \(digits)\(units[units.count > 4 ? 3 : 1].0), or another of \(known)") }
    guard let factor = units.first(where: { $0.0 == unit })?.1 else {
      throw Wrong(problem: "unknown unit \(unit)", fix: "use one of \(known), like \(example)")
    }
    guard let number = UInt64(digits), case let (product, overflow) = number.multipliedReportingOverflow(by: factor), !overflow, product <= UInt64(Int.max)
    else { throw Wrong(problem: "too large", fix: "write a smaller number") }
    return product
  }

  private static func text(_ amount: UInt64, _ units: [(String, UInt64)], zero: String) -> String {
    guard amount > 0, let unit = units.first(where: { amount % $0.1 == 0 }) else { return amount == 0 ? zero : "\(amount)" }
    return "\(amount / unit.1)\(unit.0)"
  }
}
