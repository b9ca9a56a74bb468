/// A number as it is written, digit by digit.
struct JSONDecimal {
  private var digits: UInt64 = 0
  var exponent = 0
  private var isFull = false

  mutating func append(_ digit: UInt8, isFraction: Bool) {
    let (product, overflows) = digits.multipliedReportingOverflow(by: 10)
    let (sum, carries) = product.addingReportingOverflow(UInt64(digit))
    if isFull || overflows || carries {
      // What has no room is left out.
      isFull = true
      if !isFraction { exponent += 1 }
    } else {
      digits = sum
      if isFraction { exponent -= 1 }
    }
  }

  var value: Double {
    var value = Double(digits)
    var exponent = exponent
    while exponent < -308, value != 0 {
      value /= 1e308
      exponent += 308
    }
    if value == 0 { return 0 }
    if exponent < 0 { return value / Self.powers[-exponent] }
    return exponent > 308 ? .infinity : value * Self.powers[exponent]
  }

  private static let powers = (0...308).map { Double("1e\($0)")! }
}
