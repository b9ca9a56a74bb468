/// How far apart two answers to one row may be.
package struct Tolerance {
  package struct Difference {
    /// The largest absolute one; infinite where shapes or NaNs differ.
    package var largest: Double
    package var isWithin: Bool

    package init(largest: Double, isWithin: Bool) {
      self.largest = largest
      self.isWithin = isWithin
    }
  }

  let absolute: Double
  let relative: Double

  /// What the order of sums changes: some units in the last place of the type, many times over in a deep network.
  package init(_ type: ElementType, isHalf: Bool = false) {
    (absolute, relative) = switch type {
    case .float16: (2e-3, 1e-2)
    case .float32: isHalf ? (2e-3, 1e-2) : (1e-4, 1e-4)
    case .float64: (1e-6, 1e-6)
    default: (0, 0)
    }
  }

  init(_ type: ElementType, _ options: BatchCheck.Options, isHalf: Bool) {
    let usual = Tolerance(type, isHalf: isHalf)
    absolute = options.absolute ?? usual.absolute
    relative = options.relative ?? usual.relative
  }

  package func compare(_ answer: RowTrial.Answer, _ truth: RowTrial.Answer) -> Difference {
    guard answer.shape == truth.shape, answer.values.count == truth.values.count else { return Difference(largest: .infinity, isWithin: false) }
    let scale = truth.values.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
    var difference = Difference(largest: 0, isWithin: true)
    for (value, expected) in zip(answer.values, truth.values) where value != expected && !(value.isNaN && expected.isNaN) {
      let apart = abs(value - expected)
      difference.largest = max(difference.largest, apart.isNaN ? .infinity : apart)
      if !(apart <= absolute + relative * scale) { difference.isWithin = false }
    }
    return difference
  }
}
