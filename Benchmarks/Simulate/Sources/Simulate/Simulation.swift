/// One run of a trace through a scheduler and a device.
struct Outcome {
  var late = 0
  var shed = 0
  var records = 0
  /// Milliseconds.
  var makespan = 0.0
  var deviceTime = 0.0
  var latencies: [Double] = []
  var batches = 0
  var isAborted = false
  var p99: Double { quantile(0.99) }
  func quantile(_ share: Double) -> Double {
    let sorted = latencies.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
  }
}

/// - Parameters:
///   - rate: records a second. - lateAtMost: the run is given up when more records than these were late.
///   - keeps: whether latencies are kept.
func simulate(_ trace: Trace, rate: Double, _ device: Device, _ scheduler: Scheduler, seed: UInt64, lateAtMost: Int = .max, keeps: Bool = false,
  onAnswer: ((_ record: Int, _ arrival: Double, _ now: Double) -> Void)? = nil
) -> Outcome {
  struct Running { var batch: [Int]; var end: Nanoseconds; var start: Nanoseconds; var longest: Int; var oldest: Nanoseconds; var lanes: Int }
  var random = SeededGenerator(seed: seed &* 104729 &+ 3)
  var outcome = Outcome()
  let count = trace.arrivals.count
  let scale = rate > 0 ? 1e9 / rate : 0
  func arrival(_ record: Int) -> Nanoseconds { 1_000_000_000 + Nanoseconds(trace.arrivals[record] * scale) }
  let target = Nanoseconds(device.target * 1e6)
  let inFlight = scheduler.inFlightAtMost(device.lanes)
  var running: [Running] = []
  var queued = Ring<(batch: [Int], oldest: Nanoseconds)>()
  var wake: Nanoseconds? = nil
  var next = 0, now: Nanoseconds = 0
  var spare: [Int] = []

  func start(_ batch: [Int], oldest: Nanoseconds) {
    var longest = 0
    for record in batch { longest = max(longest, trace.lengths[record]) }
    let slowness = trace.pattern.slowness(Double(batch[0]) / Double(count))
    let time = device.sample(rows: batch.count, longest: longest, running: running.count + 1, &random) * slowness
    outcome.deviceTime += time
    outcome.batches += 1
    running.append(Running(batch: batch, end: now + Nanoseconds(time * 1e6), start: now, longest: longest, oldest: oldest, lanes: running.count + 1))
  }

  while true {
    var soonest = next < count ? arrival(next) : Nanoseconds.max
    for run in running { soonest = min(soonest, run.end) }
    if let wake { soonest = min(soonest, wake) }
    guard soonest != .max else { break }
    now = max(now, soonest)
    var index = 0
    while index < running.count {
      guard running[index].end <= now else {
        index += 1
        continue
      }
      let run = running.remove(at: index)
      for record in run.batch {
        let latency = now - arrival(record)
        if latency > target { outcome.late += 1 }
        if keeps { outcome.latencies.append(Double(latency) / 1e6) }
        onAnswer?(record, Double(arrival(record)) / 1e9, Double(now) / 1e9)
      }
      outcome.records += run.batch.count
      scheduler.finished(rows: run.batch.count, longest: run.longest, duration: max(1, run.end - run.start), running: run.lanes, oldest: run.oldest, now: now)
      if !queued.isEmpty {
        let batch = queued.removeFirst()
        start(batch.batch, oldest: batch.oldest)
      }
    }
    if outcome.late + outcome.shed > lateAtMost {
      outcome.isAborted = true
      break
    }
    while next < count, arrival(next) <= now {
      scheduler.add(next, length: trace.lengths[next], now: now)
      next += 1
    }
    wake = nil
    decide: while running.count + queued.count < inFlight {
      spare.removeAll(keepingCapacity: true)
      let decision = scheduler.next(now, &spare)
      outcome.shed += scheduler.shed
      scheduler.shed = 0
      switch decision {
      case .run:
        guard !spare.isEmpty else { continue }
        var oldest = Nanoseconds.max
        for record in spare { oldest = min(oldest, arrival(record)) }
        if running.count < device.lanes { start(spare, oldest: oldest) } else { queued.append((spare, oldest)) }
      case .wait(let until):
        if let until { wake = max(until, now + 1) }
        break decide
      }
    }
  }
  outcome.makespan = Double(now - 1_000_000_000) / 1e6
  return outcome
}
