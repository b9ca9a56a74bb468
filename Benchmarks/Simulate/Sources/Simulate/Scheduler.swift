/// What is compared. Times are nanoseconds of the simulation; records are indices into its trace.
class Scheduler {
  enum Decision { case run, wait(Nanoseconds?) }

  /// Batches under way at once; more than the device has lanes queue before it.
  func inFlightAtMost(_ lanes: Int) -> Int { lanes }
  func add(_ record: Int, length: Int, now: Nanoseconds) {}
  /// `.run`: `batch` was filled. It may be empty where records were shed.
  func next(_ now: Nanoseconds, _ batch: inout [Int]) -> Decision { .wait(nil) }
  func finished(rows: Int, longest: Int, duration: Nanoseconds, running: Int, oldest: Nanoseconds, now: Nanoseconds) {}
  /// Records given up since the last call.
  var shed = 0
}

/// What the worker itself decides with, under either policy.
final class Worker: Scheduler {
  private var queue: BatchQueue<Int>
  /// Only records of one length run together.
  var isGrouped = false

  init(_ settings: BatchSettings, lanes: Int = 1, model: CostModel = CostModel()) {
    queue = BatchQueue(settings, lanes: lanes)
    queue.model = model
  }

  /// `policy: fixed`.
  static func fixed(rows: Int, wait: Nanoseconds) -> Worker { Worker(BatchSettings(maxRows: rows, maxWait: wait, maxTokens: 1 << 40)) }

  /// `policy: adaptive`.
  static func adaptive(_ adaptive: AdaptiveSettings, lanes: Int, model: CostModel) -> Worker {
    var settings = BatchSettings(maxRows: 4096, maxWait: adaptive.latencyTarget, maxTokens: 1 << 30, maxBytes: 1 << 40)
    settings.policy = .adaptive
    settings.adaptive = adaptive
    return Worker(settings, lanes: lanes, model: model)
  }

  override func add(_ record: Int, length: Int, now: Nanoseconds) {
    queue.add(BatchItem(arrival: now, rows: 1, length: length, bytes: 1, group: isGrouped ? UInt64(length) : 0), record, now: now)
  }
  override func next(_ now: Nanoseconds, _ batch: inout [Int]) -> Decision {
    switch queue.next(now) {
    case .dispatch(let count, _):
      queue.take(count) { _, record in batch.append(record) }
      return .run
    case .wait(let until): return .wait(until)
    case .expire: fatalError("no deadlines here")
    }
  }
  override func finished(rows: Int, longest: Int, duration: Nanoseconds, running: Int, oldest: Nanoseconds, now: Nanoseconds) {
    queue.observe(rows: rows, length: longest, duration: duration, lanes: running, now: now)
  }
}

/// Fixed numbers with grouping by length: the oldest and those nearest its length, within a token budget.
final class FixedGrouped: Scheduler {
  private var waiting = WaitingSet<Int>(window: 1024)
  private let tokens: Int
  private let rows: Int
  private let wait: Nanoseconds
  init(tokens: Int, rows: Int, wait: Nanoseconds) {
    self.tokens = tokens
    self.rows = rows
    self.wait = wait
  }
  override func add(_ record: Int, length: Int, now: Nanoseconds) { waiting.add(BatchItem(arrival: now, rows: 1, length: length, bytes: 1), record) }
  override func next(_ now: Nanoseconds, _ batch: inout [Int]) -> Decision {
    guard let oldest = waiting.oldest else { return .wait(nil) }
    let item = waiting.item(oldest)
    let own = waiting.bucket(oldest)
    var chosen = [oldest], longest = item.length, isFull = false
    var below: Int? = own, above = waiting.bucket(atOrAbove: own + 1)
    search: while below != nil || above != nil {
      let goDown = above == nil || below != nil && own - below! <= above! - own
      let bucket = goDown ? below! : above!
      var index = waiting.firstInBucket(bucket)
      while let now = index {
        index = waiting.nextInBucket(after: now)
        if now == oldest { continue }
        let next = max(longest, waiting.item(now).length)
        if chosen.count + 1 > rows || (chosen.count + 1) * next > tokens {
          isFull = true
          if goDown || chosen.count + 1 > rows { break search }
          above = nil
          continue search
        }
        chosen.append(now)
        longest = next
      }
      if goDown { below = waiting.bucket(atOrBelow: bucket - 1) } else { above = waiting.bucket(atOrAbove: bucket + 1) }
    }
    let due = item.arrival + wait
    guard isFull || (chosen.count + 1) * longest > tokens || now >= due else { return .wait(due) }
    for index in chosen { batch.append(waiting.remove(index).payload) }
    return .run
  }
}

/// Clipper's AIMD: the batch bound grows by a fixed amount while runs stay within the objective, and falls by a tenth when one does
/// not. A free container takes what waits, up to the bound.
final class AIMD: Scheduler {
  private var waiting = Ring<Int>()
  private var bound: Double
  private let objective: Nanoseconds
  /// - Parameter bound: where it begins; grown from 1, most of a short trace would be over before it is found.
  init(objective: Nanoseconds, bound: Double) {
    self.objective = objective
    self.bound = bound
  }
  override func add(_ record: Int, length: Int, now: Nanoseconds) { waiting.append(record) }
  override func next(_ now: Nanoseconds, _ batch: inout [Int]) -> Decision {
    guard !waiting.isEmpty else { return .wait(nil) }
    for _ in 0..<min(waiting.count, Int(bound)) { batch.append(waiting.removeFirst()) }
    return .run
  }
  override func finished(rows: Int, longest: Int, duration: Nanoseconds, running: Int, oldest: Nanoseconds, now: Nanoseconds) {
    if duration > objective { bound = max(1, bound * 0.9) } else if rows >= Int(bound) { bound += 1 }
  }
}

/// BentoML's dispatcher: run time a·n + b by least squares over the last 50 batches, refreshed every 5 s; waits a tick of 1 ms while
/// n·(time since the newest + tick + a) is within 0.95 of the average wait; gives up requests that would be late.
final class Bento: Scheduler {
  private var waiting = Ring<(record: Int, arrival: Nanoseconds)>()
  private let most: Int
  private let target: Double
  private let sheds: Bool
  private var a, b: Double
  private var wait = 0.01
  private var seen: [(n: Double, duration: Double, wait: Double)] = []
  private var batches = 0
  private var refreshed: Nanoseconds = 0
  private var newest: Nanoseconds = 0
  private var started: [Nanoseconds: Double] = [:]

  init(most: Int, target: Nanoseconds, sheds: Bool) {
    self.most = most
    self.target = Double(target) / 1e9
    self.sheds = sheds
    a = min(2, self.target * 2 / 30)
    b = min(1, self.target / 30)
  }
  override func add(_ record: Int, length: Int, now: Nanoseconds) {
    waiting.append((record, now))
    newest = now
  }
  override func next(_ now: Nanoseconds, _ batch: inout [Int]) -> Decision {
    while !waiting.isEmpty {
      let n = waiting.count
      let oldest = Double(now - waiting[0].arrival) / 1e9
      if sheds, n > 1, oldest + a * Double(n) + b >= target, batches > 6 {
        _ = waiting.removeFirst()
        shed += 1
        continue
      }
      if n < most, batches > 6, Double(n) * (Double(now - newest) / 1e9 + 0.001 + a) <= wait * 0.95 { return .wait(now + 1_000_000) }
      started[waiting[0].arrival] = oldest
      let count = batches <= 6 ? min(n, max(1, batches - 2)) : min(n, most)
      for _ in 0..<count { batch.append(waiting.removeFirst().record) }
      return .run
    }
    return .wait(nil)
  }
  override func finished(rows: Int, longest: Int, duration: Nanoseconds, running: Int, oldest: Nanoseconds, now: Nanoseconds) {
    batches += 1
    let waited = started.removeValue(forKey: oldest) ?? 0
    guard batches > 2 else { return }
    seen.append((Double(rows), Double(duration) / 1e9, waited))
    if seen.count > 50 { seen.removeFirst() }
    guard batches <= 6 || now - refreshed >= 5_000_000_000 else { return }
    refreshed = now
    let count = Double(seen.count)
    let n = seen.reduce(0) { $0 + $1.n } / count, t = seen.reduce(0) { $0 + $1.duration } / count
    let variance = seen.reduce(0) { $0 + ($1.n - n) * ($1.n - n) }
    // All of one size: the smallest solution, as least squares by decomposition gives it.
    let slope = variance > 0 ? seen.reduce(0) { $0 + ($1.n - n) * ($1.duration - t) } / variance : t * n / (n * n + 1)
    a = max(0.000_001, slope)
    b = max(0, variance > 0 ? t - slope * n : t / (n * n + 1))
    wait = max(0, seen.reduce(0) { $0 + $1.wait } / count)
  }
}

/// TensorFlow's AdaptiveSharedBatchScheduler: one open batch takes what arrives, full ones queue; the oldest is started while fewer
/// than `limit` are under way (by chance for the limit's fraction), and the limit climbs towards the least mean latency of batches.
final class SharedAdaptive: Scheduler {
  private var batches: [(records: [Int], created: Nanoseconds)] = []
  private let most: Int
  private let threads: Double
  private var limit: Double
  private var underWay = 0
  private var random = SeededGenerator(seed: 5)
  private var count = 0, sum = 0.0, lastMean = 0.0, lastFell = false, direction = 1.0, size = 0.125

  init(most: Int, threads: Int) {
    self.most = most
    self.threads = Double(threads)
    limit = min(3, Double(threads))
  }
  override func inFlightAtMost(_ lanes: Int) -> Int { Int(threads) }
  override func add(_ record: Int, length: Int, now: Nanoseconds) {
    if let last = batches.last, last.records.count < most { batches[batches.count - 1].records.append(record) } else { batches.append(([record], now)) }
  }
  override func next(_ now: Nanoseconds, _ batch: inout [Int]) -> Decision {
    guard !batches.isEmpty, Double(underWay) < limit else { return .wait(nil) }
    let room = limit - Double(underWay)
    if room < 1, random.unit() > room { return .wait(nil) }
    batch = batches.removeFirst().records
    underWay += 1
    return .run
  }
  override func finished(rows: Int, longest: Int, duration: Nanoseconds, running: Int, oldest: Nanoseconds, now: Nanoseconds) {
    underWay -= 1
    count += 1
    sum += Double(now - oldest)
    // 1,000 by default, which is more than a short trace has.
    guard count == 100 else { return }
    let mean = sum / 100
    if mean < lastMean {
      size = max(1.0 / 128, min(0.125, size * (lastFell ? 2 : 0.5)))
    } else {
      direction = -direction
    }
    limit = max(1, min(threads, limit * (1 + direction * size)))
    lastFell = mean < lastMean
    lastMean = mean
    count = 0
    sum = 0
  }
}
