/// A device, lengths, arrivals, and what is scored.
struct Scenario {
  enum Score { case rate, makespan, deviceTime(load: Double) }

  var name: String
  var device: Device
  var lengths: Lengths
  var pattern = Pattern.poisson
  var score = Score.rate

  static let all: [Scenario] = {
    let affine = Device(name: "affine", law: .affine(5, 0.5), target: 100)
    let tokens = Device(name: "tokens", law: .tokens(2, 0.01), target: 100)
    let steps = Device(name: "steps", law: .steps(6, step: 16, floor: 10), target: 100)
    let noisy = Device(name: "noisy", law: .affine(5, 0.5), noise: 0.25, slowRun: 200, target: 100)
    let lanes = Device(name: "4 lanes", law: .tokens(4, 0.02), lanes: 4, contention: 0.1, target: 100)
    let minilm = Device(name: "MiniLM", law: .minilm, noise: 0.05, target: 500)
    let uniform = Lengths.uniform(8, 128), lognormal = Lengths.lognormal(median: 32, sigma: 0.8, most: 256)
    var list: [Scenario] = []
    for device in [affine, steps, noisy] { list.append(Scenario(name: device.name, device: device, lengths: .fixed(16))) }
    for device in [tokens, lanes, minilm] {
      for lengths in [uniform, lognormal] { list.append(Scenario(name: "\(device.name), \(lengths.name)", device: device, lengths: lengths)) }
    }
    for pattern in [Pattern.bursts, .drift, .steps, .throttle] {
      list.append(Scenario(name: "MiniLM, lognormal, \(pattern.rawValue)", device: minilm, lengths: lognormal, pattern: pattern))
      if pattern != .drift { list.append(Scenario(name: "affine, \(pattern.rawValue)", device: affine, lengths: .fixed(16), pattern: pattern)) }
    }
    for (device, lengths) in [(affine, .fixed(16)), (steps, .fixed(16)), (tokens, uniform), (lanes, lognormal), (minilm, uniform), (minilm, lognormal)] as [(Device, Lengths)] {
      list.append(Scenario(name: "\(device.name), \(lengths.name)", device: device, lengths: lengths, pattern: .backlog, score: .makespan))
    }
    for (device, lengths) in [(affine, .fixed(16)), (steps, .fixed(16)), (tokens, lognormal), (lanes, lognormal), (minilm, lognormal)] as [(Device, Lengths)] {
      list.append(Scenario(name: "\(device.name), \(lengths.name), 10 %", device: device, lengths: lengths, score: .deviceTime(load: 0.1)))
    }
    list.append(Scenario(name: "affine, fixed, 1 % (quiet)", device: affine, lengths: .fixed(16), score: .deviceTime(load: 0.01)))
    return list
  }()

  /// Records a second of the best batch within half the target, of records of one mean length each: an upper estimate.
  var capacity: Double {
    var random = SeededGenerator(seed: 1)
    var each = 0.0
    for _ in 0..<500 {
      let length = lengths.sample(&random)
      var best = Double.infinity
      for rows in 1...512 {
        let time = device.time(rows: rows, longest: length, running: device.lanes)
        if rows > 1, time > device.target / 2 { break }
        best = min(best, time / Double(rows))
      }
      each += best / 500
    }
    return 1000 / each * Double(device.lanes)
  }

  var meanLength: Double {
    var random = SeededGenerator(seed: 2)
    return (0..<2000).reduce(0.0) { sum, _ in sum + Double(lengths.sample(&random)) } / 2000
  }
}

/// A way to decide, by name, made anew for each run.
struct Contender {
  enum Kind { case fixed, grouped, aimd, bento, shared, adaptive }
  var name: String
  var kind: Kind
  var make: (_ seed: UInt64) -> Scheduler
}

extension Scenario {
  func contenders() -> [Contender] {
    let target = Nanoseconds(device.target * 1e6)
    var list: [Contender] = []
    // The largest batch of mean length that fits half the target, and the powers of two below.
    let mean = Int(meanLength.rounded())
    var most = 1
    while most < 4096, device.time(rows: most + 1, longest: mean, running: device.lanes) <= device.target / 2 { most += 1 }
    var caps = Array(sequence(first: 1) { $0 * 2 }.prefix { $0 < most })
    caps.append(most)
    let isQuiet = if case .deviceTime = score { true } else { false }
    let waits: [Double] = pattern == .backlog ? [0] : isQuiet ? [0, 0.05, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] : [0, 0.02, 0.1, 0.3]
    let isFlat = if case .fixed = lengths { true } else { false }
    for wait in waits {
      let nanoseconds = Nanoseconds(wait * Double(target))
      for cap in caps {
        list.append(Contender(name: "fixed \(cap) rows, wait \(text(wait * device.target, 0)) ms", kind: .fixed) { _ in Worker.fixed(rows: cap, wait: nanoseconds) })
        guard !isFlat else { continue }
        list.append(
          Contender(name: "grouped \(cap * mean) tokens, wait \(text(wait * device.target, 0)) ms", kind: .grouped) { _ in
            FixedGrouped(tokens: cap * mean, rows: 4096, wait: nanoseconds)
          })
      }
    }
    for share in [1.0, 0.5] {
      list.append(
        Contender(name: "Clipper AIMD, objective \(text(share * device.target, 0)) ms", kind: .aimd) { _ in
          aimd(share)
        })
    }
    let sheds = pattern != .backlog
    for cap in caps.suffix(3) {
      list.append(Contender(name: "BentoML, \(cap) rows", kind: .bento) { _ in Bento(most: cap, target: target, sheds: sheds) })
      for threads in Set([device.lanes, max(2, device.lanes), device.lanes * 2]).sorted() {
        list.append(Contender(name: "TF ASBS, \(cap) rows, \(threads) threads", kind: .shared) { _ in SharedAdaptive(most: cap, threads: threads) })
      }
    }
    list.append(adaptive(isQuiet ? .efficiency : .latency))
    return list
  }

  /// - Parameter share: of the target, for a run. The bound begins where runs of mean length reach it.
  func aimd(_ share: Double) -> Scheduler {
    var bound = 1
    while bound < 4096, device.time(rows: bound + 1, longest: Int(meanLength.rounded()), running: device.lanes) <= share * device.target { bound += 1 }
    return AIMD(objective: Nanoseconds(share * device.target * 1e6), bound: Double(bound))
  }

  func adaptive(_ objective: AdaptiveSettings.Objective) -> Contender {
    let scenario = self
    let target = Nanoseconds(device.target * 1e6)
    return Contender(name: "adaptive, \(objective.rawValue)", kind: .adaptive) { seed in
      var settings = AdaptiveSettings()
      settings.objective = objective
      settings.latencyTarget = target
      return Worker.adaptive(settings, lanes: scenario.device.lanes, model: scenario.warmedUp(seed))
    }
  }

  /// What the product's warm-up leaves: each shape of its grid was run once, alone, the first of each length three times as slow.
  func warmedUp(_ seed: UInt64) -> CostModel {
    var model = CostModel()
    var random = SeededGenerator(seed: seed &+ 99)
    let longest: Int =
      switch lengths {
      case .fixed(let length): length
      case .uniform(_, let most): most
      case .lognormal(_, _, let most): most
      case .shapes(let shapes): shapes.max()!
      }
    // Rows that are not padded are made up in one size.
    let isOneSize = switch lengths {
    case .fixed, .shapes: true
    case .uniform, .lognormal: false
    }
    var now: Nanoseconds = 0
    var length = longest
    while length >= 1 {
      for rows in [32, 16, 8, 4, 2, 1] where rows == 1 || isOneSize || rows * length <= 4096 {
        let time = device.sample(rows: rows, longest: length, running: 1, &random) * (rows == 32 ? 3 : 1) * 1e6
        now += Nanoseconds(time)
        model.observe(rows: rows, length: length, duration: Nanoseconds(time), now: now)
      }
      if isOneSize { break }
      length /= 2
    }
    return model
  }
}
