/// Numbers as tables show them: three digits, or all before the point.
enum Figures {
  static func milliseconds(_ nanoseconds: Double) -> String { short(nanoseconds / 1e6) }

  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3
    let factor = [1.0, 10, 100, 1000][digits]
    let whole = Int((value * factor).rounded())
    if digits == 0 { return "\(whole)" }
    let fraction = String(whole % Int(factor))
    return "\(whole / Int(factor)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }

  /// Rows of cells, each column as wide as its widest, to the right.
  static func table(_ rows: [[String]]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
      row.indices.map { String(repeating: " ", count: widths[$0] - row[$0].count) + row[$0] }.joined(separator: "  ")
    }
  }
}
