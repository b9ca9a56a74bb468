import Glibc

/// From a tenth of capacity to nine tenths and back: how long until the 99th percentile of half seconds is within the target again.
func loadStep() {
  let seeds = number("--seeds", isQuick ? 10 : 50)
  print("| device | objective | up: worst of \(seeds) seeds, ms | down: worst, ms | seeds over 2 s | half seconds over the target, steady at 90 % |")
  print("|---|---|---|---|---|---|")
  for scenario in Scenario.all where scenario.pattern == .poisson {
    guard case .rate = scenario.score else { continue }
    for objective in AdaptiveSettings.Objective.allCases {
      var worst = (up: 0.0, down: 0.0), over = 0, steady = 0, slices = 0
      // What this policy sustains, as a share of which the load is set.
      let contender = scenario.adaptive(objective)
      let probe = Trace(.poisson, scenario.lengths, records: 6000, seed: 77)
      let capacity = mean(score(scenario, contender, capacity: scenario.capacity, seeds: 1, records: 6000, traces: [probe]))
      for seed in 0..<UInt64(seeds) {
        // 10 s at 10 %, 10 s at 90 %, 10 s at 10 %.
        var random = SeededGenerator(seed: seed &+ 1000)
        var trace = Trace(.poisson, scenario.lengths, records: 0, seed: seed)
        var now = 0.0
        while now < 30 {
          now += random.exponential() / (capacity * (now >= 10 && now < 20 ? 0.9 : 0.1))
          trace.arrivals.append(now)
          trace.lengths.append(scenario.lengths.sample(&random))
        }
        // Late answers by when they were due: the last moment after which no more than 1 in 100 of what follows is late.
        var answers: [(at: Double, isLate: Bool)] = []
        _ = simulate(trace, rate: 1, scenario.device, contender.make(seed), seed: seed) { _, arrival, now in
          answers.append((arrival - 1, (now - arrival) * 1000 > scenario.device.target))
        }
        answers.sort { $0.at < $1.at }
        func settled(_ from: Double, _ to: Double) -> Double {
          let inside = answers.filter { $0.at >= from && $0.at < to }
          // Half a second at a time.
          var last = 0.0
          var start = from
          while start < to {
            let slice = inside.filter { $0.at >= start && $0.at < start + 0.5 }
            if Double(slice.filter(\.isLate).count) > max(1, 0.01 * Double(slice.count)) { last = (slice.last { $0.isLate }!.at - from) * 1000 }
            start += 0.5
          }
          return last
        }
        let up = settled(10, 14), down = settled(20, 24)
        for slice in 0..<10 {
          let begin = 15 + Double(slice) / 2
          let inside = answers.filter { $0.at >= begin && $0.at < begin + 0.5 }
          slices += 1
          if Double(inside.filter(\.isLate).count) > max(1, 0.01 * Double(inside.count)) { steady += 1 }
        }
        worst.up = max(worst.up, up)
        worst.down = max(worst.down, down)
        if up > 2000 || down > 2000 { over += 1 }
      }
      print("| \(scenario.name) | \(objective.rawValue) | \(text(worst.up, 0)) | \(text(worst.down, 0)) | \(over) | \(text(100 * Double(steady) / Double(slices), 1)) % |")
    }
  }
}

/// One record in a hundred is very long: how often any was passed over.
func longTail() {
  print("| trace | bound | most often passed over | p99 of the long, ms | p99 of all, ms |")
  print("|---|---|---|---|---|")
  for (name, pattern, load) in [("backlog", Pattern.backlog, 0.0), ("90 % load", .poisson, 0.9), ("120 % load", .poisson, 1.2)] {
    for bound in [8, 32, 128] {
      let minilm = Scenario.all.first { $0.name == "MiniLM, lognormal" }!
      var most = 0
      var long: [Double] = [], all: [Double] = []
      for seed in 0..<UInt64(isQuick ? 2 : 10) {
        var trace = Trace(pattern, minilm.lengths, records: 10_000, seed: seed)
        var random = SeededGenerator(seed: seed)
        for index in trace.lengths.indices where Int.random(in: 0..<100, using: &random) == 0 { trace.lengths[index] = 256 }
        var settings = AdaptiveSettings()
        settings.latencyTarget = 500_000_000
        settings.passedOverAtMost = bound
        let scheduler = Counting(Worker.adaptive(settings, lanes: 1, model: minilm.warmedUp(seed)), trace.lengths.count)
        _ = simulate(trace, rate: load * minilm.capacity * 0.75, minilm.device, scheduler, seed: seed) { record, arrival, now in
          all.append((now - arrival) * 1000)
          if trace.lengths[record] == 256 { long.append((now - arrival) * 1000) }
        }
        most = max(most, scheduler.most)
      }
      func p99(_ values: [Double]) -> Double { values.sorted()[Int(0.99 * Double(values.count))] }
      print("| \(name) | \(bound) | \(most) | \(text(p99(long), 0)) | \(text(p99(all), 0)) |")
    }
  }
}

/// Counts, by brute force, how often each record was passed over.
final class Counting: Scheduler {
  private let inner: Scheduler
  private var waiting: [Int] = []
  private var times: [Int]
  private(set) var most = 0
  init(_ inner: Scheduler, _ records: Int) {
    self.inner = inner
    times = [Int](repeating: 0, count: records)
  }
  override func add(_ record: Int, length: Int, now: Nanoseconds) {
    waiting.append(record)
    inner.add(record, length: length, now: now)
  }
  override func next(_ now: Nanoseconds, _ batch: inout [Int]) -> Decision {
    let decision = inner.next(now, &batch)
    guard case .run = decision, let newest = batch.max() else { return decision }
    let taken = Set(batch)
    waiting.removeAll { taken.contains($0) }
    for record in waiting where record < newest {
      times[record] += 1
      most = max(most, times[record])
    }
    return decision
  }
  override func finished(rows: Int, longest: Int, duration: Nanoseconds, running: Int, oldest: Nanoseconds, now: Nanoseconds) {
    inner.finished(rows: rows, longest: longest, duration: duration, running: running, oldest: oldest, now: now)
  }
}
