import Glibc

/// A real run again (`Benchmarks/.build/release/latency`): the same arrivals and lengths, each run as long as one of the most alike
/// that were recorded.
func replay(_ folder: String) {
  func lines(_ name: String) -> [[Double]] {
    guard let file = fopen("\(folder)/\(name)", "r") else { fatalError("\(folder)/\(name): \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    var lines: [[Double]] = [], line: UnsafeMutablePointer<CChar>?, size = 0
    while getline(&line, &size, file) > 0 { lines.append(String(cString: line!).split { $0 == "\t" || $0 == "\n" }.map { Double($0)! }) }
    free(line)
    return lines
  }
  func runs(_ name: String) -> [Device.Run] { lines(name).map { Device.Run(rows: Int($0[0]), longest: Int($0[1]), time: $0[2] * 1000) } }
  let arrivals = lines("arrivals.tsv"), recorded = runs("runs.tsv")
  var model = CostModel()
  var now: Nanoseconds = 0
  for run in runs("learned.tsv") {
    now += Nanoseconds(run.time * 1e6)
    model.observe(rows: run.rows, length: run.longest, duration: Nanoseconds(run.time * 1e6), now: now)
  }
  var trace = Trace(.poisson, .fixed(1), records: 0, seed: 0)
  trace.arrivals = arrivals.map { $0[0] }
  trace.lengths = arrivals.map { Int($0[1]) }
  let target = Double(number("--target", 500))
  var settings = AdaptiveSettings()
  settings.latencyTarget = Nanoseconds(target * 1e6)
  var medians: [Double] = [], p99s: [Double] = []
  for seed in 0..<UInt64(seeds) {
    var latencies: [Double] = []
    _ = simulate(trace, rate: 1, Device(name: "recorded", law: .recorded(recorded), noise: 0, target: target), Worker.adaptive(settings, lanes: 1, model: model), seed: seed) { record, arrival, now in
      if trace.arrivals[record] >= 2 { latencies.append((now - arrival) * 1000) }
    }
    latencies.sort()
    medians.append(latencies[latencies.count / 2])
    p99s.append(latencies[latencies.count * 99 / 100])
  }
  let real = arrivals.filter { $0[0] >= 2 }.map { $0[2] * 1000 }.sorted()
  let (median, p99) = (real[real.count / 2], real[real.count * 99 / 100])
  print("real: p50 \(text(median)) ms, p99 \(text(p99)) ms; simulated, mean of \(seeds) seeds: p50 \(text(mean(medians))) ms (\(text(mean(medians) / median))), p99 \(text(mean(p99s))) ms (\(text(mean(p99s) / p99)))")
}
