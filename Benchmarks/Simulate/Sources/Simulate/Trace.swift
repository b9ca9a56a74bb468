import Glibc

enum Lengths { case fixed(Int), uniform(Int, Int), lognormal(median: Double, sigma: Double, most: Int), shapes([Int]) }

extension Lengths {
  func sample(_ random: inout SeededGenerator) -> Int {
    switch self {
    case .fixed(let length): length
    case .uniform(let low, let high): Int.random(in: low...high, using: &random)
    // Few are common and many are rare: by 1 over their place.
    case .shapes(let shapes):
      {
        var place = Double.random(in: 0..<shapes.indices.reduce(0) { $0 + 1 / Double($1 + 1) }, using: &random)
        for (index, length) in shapes.enumerated() {
          place -= 1 / Double(index + 1)
          if place < 0 { return length }
        }
        return shapes[0]
      }()
    case .lognormal(let median, let sigma, let most): max(2, min(most, Int((median * exp(sigma * random.normal())).rounded())))
    }
  }

  var name: String {
    switch self {
    case .fixed: "fixed"
    case .uniform: "uniform"
    case .lognormal: "lognormal"
    case .shapes: "shapes"
    }
  }
}

/// How the arrival rate and the device's speed change over a trace. `progress` is 0…1 of its records.
enum Pattern: String {
  case poisson, bursts, backlog, drift, steps, throttle

  /// The arrival rate, as a share of the mean.
  func rate(_ progress: Double) -> Double {
    switch self {
    case .bursts: fmod(progress * 60, 1) < 0.3 ? 2.0 : 0.78  // Bursts of twice the rate; by records, so that the mean holds.
    case .steps: [0.5, 2, 0.8, 1.6][min(3, Int(progress * 4))]
    default: 1
    }
  }

  /// How much slower the device is.
  func slowness(_ progress: Double) -> Double {
    switch self {
    case .drift: 1 + 0.5 * progress
    case .throttle: progress > 1.0 / 3 && progress < 2.0 / 3 ? 2 : 1
    default: 1
    }
  }
}

/// Records of a trace, at a mean rate of one a second; a rate is set by dividing the times.
struct Trace {
  var arrivals: [Double] = []
  var lengths: [Int] = []
  var pattern: Pattern

  init(_ pattern: Pattern, _ lengths: Lengths, records: Int, seed: UInt64) {
    self.pattern = pattern
    var random = SeededGenerator(seed: seed &* 7919 &+ 17)
    var now = 0.0
    self.arrivals.reserveCapacity(records)
    self.lengths.reserveCapacity(records)
    for index in 0..<records {
      if pattern != .backlog { now += random.exponential() / pattern.rate(Double(index) / Double(records)) }
      arrivals.append(now)
      self.lengths.append(lengths.sample(&random))
    }
  }
}
