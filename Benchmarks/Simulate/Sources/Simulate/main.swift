// simulate [--quick] [--only TEXT] [--seeds N] [--records N] [--single | --step | --tail | --shapes | --replay FOLDER]
//
// Batching policies against synthetic devices and recorded times, deterministically. Writes tables as Markdown.
@preconcurrency import Glibc

setvbuf(stdout, nil, _IOLBF, 0)
let arguments = CommandLine.arguments.dropFirst()
let isQuick = arguments.contains("--quick")
let only = arguments.firstIndex(of: "--only").map { arguments[$0 + 1] }
func number(_ flag: String, _ standard: Int) -> Int { arguments.firstIndex(of: flag).flatMap { Int(arguments[$0 + 1]) } ?? standard }
let seeds = number("--seeds", isQuick ? 3 : 20)
let records = number("--records", isQuick ? 6000 : 20_000)

/// More is better. Milliseconds a record for `deviceTime` and milliseconds for `makespan` are turned over by the caller.
func score(_ scenario: Scenario, _ contender: Contender, capacity: Double, seeds: Int, records: Int, traces: [Trace]) -> [Double] {
  var around: Double?
  return (0..<seeds).map { seed in
    let trace = traces[seed]
    func run(_ rate: Double, keeps: Bool = false, lateAtMost: Int = .max) -> Outcome {
      simulate(trace, rate: rate, scenario.device, contender.make(UInt64(seed)), seed: UInt64(seed), lateAtMost: lateAtMost, keeps: keeps)
    }
    switch scenario.score {
    case .rate:
      let allowed = records / 100
      func sustains(_ rate: Double) -> Bool {
        let outcome = run(exp(rate), lateAtMost: allowed)
        return !outcome.isAborted && outcome.late + outcome.shed <= allowed
      }
      // To half a hundredth; seeds differ little, so that each begins near the one before.
      var low = log(capacity * 0.05), high = log(capacity * 1.3)
      if let around {
        if !sustains(around - 0.04) {
          high = around - 0.04
        } else if sustains(around + 0.04) {
          low = around + 0.04
        } else {
          (low, high) = (around - 0.04, around + 0.04)
        }
      }
      while high - low > 0.005 {
        let middle = (low + high) / 2
        if sustains(middle) { low = middle } else { high = middle }
      }
      around = (low + high) / 2
      return exp(around!)
    case .makespan: return 1e6 / run(0).makespan
    case .deviceTime(let load):
      let outcome = run(capacity * load)
      // Where the target is missed there is no score.
      return outcome.late + outcome.shed > outcome.records / 100 ? 0 : Double(outcome.records) / outcome.deviceTime
    }
  }
}

func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
/// Half the width of a 95 % interval of the mean.
func halfWidth(_ values: [Double]) -> Double {
  guard values.count > 1 else { return 0 }
  let middle = mean(values)
  // Student's t.
  let t = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26].dropFirst(values.count - 2).first ?? 2.1
  return t * (values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(values.count - 1) / Double(values.count)).squareRoot()
}

func compare() {
  let kinds: [(Contender.Kind, String)] = [(.fixed, "best fixed"), (.grouped, "best fixed, grouped"), (.aimd, "Clipper"), (.bento, "BentoML"), (.shared, "TF ASBS"), (.adaptive, "adaptive")]
  var products = [Double](repeating: 0, count: kinds.count)
  var lowest = 1.0, count = 0
  print("Seeds \(seeds), records \(records).\n")
  print("| trace | score | best with hindsight | " + kinds.map(\.1).joined(separator: " | ") + " | ± |")
  print("|---|---|---|" + kinds.map { _ in "---" }.joined(separator: "|") + "|---|")
  for scenario in Scenario.all where only == nil || scenario.fullName.contains(only!) {
    let capacity = scenario.capacity
    let traces = (0..<seeds).map { Trace(scenario.pattern, scenario.lengths, records: records, seed: UInt64($0)) }
    var contenders = scenario.contenders()
    if !isQuick || contenders.count > 12 {
      // Most of the grid is far off: a short look picks the best of each kind for the long one.
      let short = (0..<2).map { Trace(scenario.pattern, scenario.lengths, records: 4000, seed: UInt64($0)) }
      let looked = contenders.map { (contender: $0, score: mean(score(scenario, $0, capacity: capacity, seeds: min(2, seeds), records: 4000, traces: short))) }
      contenders = kinds.flatMap { kind in looked.filter { $0.contender.kind == kind.0 }.sorted { $0.score > $1.score }.prefix(kind.0 == .fixed || kind.0 == .grouped ? 2 : 1).map(\.contender) }
    }
    let scores = contenders.map { ($0, score(scenario, $0, capacity: capacity, seeds: seeds, records: records, traces: traces)) }
    let best = scores.filter { $0.0.kind != .adaptive }.max { mean($0.1) < mean($1.1) }!
    let unit = mean(best.1)
    var cells: [String] = []
    for (index, kind) in kinds.enumerated() {
      let own = scores.filter { $0.0.kind == kind.0 }.map { mean($0.1) }.max()
      guard let own else {
        cells.append("")
        let fixed = scores.filter { $0.0.kind == .fixed }.map { mean($0.1) }.max() ?? 0
        products[index] += log(max(0.01, fixed / unit))  // Equal lengths: grouping changes nothing.
        continue
      }
      cells.append(text(own / unit, 3))
      products[index] += log(max(0.01, own / unit))
      if kind.0 == .adaptive { lowest = min(lowest, own / unit) }
    }
    count += 1
    let adaptive = scores.first { $0.0.kind == .adaptive }!.1
    let ratios = zip(adaptive, best.1).map { $1 > 0 ? $0 / $1 : 0 }
    let value: String
    switch scenario.score {
    case .rate: value = "\(text(unit, 0)) /s"
    case .makespan: value = "\(text(1e3 / unit, 1)) s"
    case .deviceTime: value = "\(text(1 / unit, 2)) ms"
    }
    print("| \(scenario.fullName) | \(value) | \(best.0.name) | \(cells.joined(separator: " | ")) | \(text(halfWidth(ratios), 3)) |")
  }
  print("| **geometric mean** | | | " + products.map { text(exp($0 / Double(count)), 3) }.joined(separator: " | ") + " | |")
  print("\nLowest of adaptive over the best: \(text(lowest, 3)).")
}

extension Scenario {
  var fullName: String {
    switch score {
    case .rate: "rate: \(name)"
    case .makespan: "backlog: \(name)"
    case .deviceTime: "device time: \(name)"
    }
  }
}

if let folder = arguments.firstIndex(of: "--replay") { replay(arguments[folder + 1]) } else if arguments.contains("--single") { compareSingle() } else if arguments.contains("--step") { loadStep() } else if arguments.contains("--tail") { longTail() } else if arguments.contains("--shapes") { compareShapes() } else { compare() }
