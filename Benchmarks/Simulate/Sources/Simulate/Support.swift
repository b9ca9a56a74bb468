import Glibc

// What the linked core expects of the library around it.
public typealias Nanoseconds = UInt64
public struct Signature {
  public var mostRows: Int
  var isPadded = true
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// 0 < … < 1.
  mutating func unit() -> Double { (Double(next() >> 11) + 0.5) / 9007199254740992 }
  mutating func exponential() -> Double { -log(unit()) }
  mutating func normal() -> Double { (-2 * log(unit())).squareRoot() * cos(2 * .pi * unit()) }
}

func text(_ value: Double, _ places: Int = 2) -> String {
  let factor = pow(10, Double(places))
  let scaled = Int((value * factor).rounded())
  guard places > 0 else { return "\(scaled)" }
  let fraction = "\(abs(scaled) % Int(factor))"
  return "\(scaled < 0 ? "-" : "")\(abs(scaled) / Int(factor))." + String(repeating: "0", count: places - fraction.count) + fraction
}
