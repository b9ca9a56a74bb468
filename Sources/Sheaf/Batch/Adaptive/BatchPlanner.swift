/// Chooses a batch among what waits: always the oldest, and around its length what makes the run worth most for its time.
///
/// What a request is worth is what a row of its length costs in the best batch of its own kind. Worth over time is at most 1, and
/// a batch that maximises it drains fastest. Candidates are: a longest length, and from there down as many rows as pay.
struct BatchPlanner: Sendable {
  struct Plan: Sendable {
    /// The longest bucket to take from.
    var bucket = 0
    /// Rows wanted.
    var rows = 0
    /// Expected, and at the model's 99th percentile; nanoseconds.
    var time = 0.0
    var time99 = 0.0
    /// What its requests are worth, in nanoseconds.
    var worth = 0.0
    /// No company could make it better.
    var isFull = false
    /// Those that may not be passed over again fill it by themselves.
    var isForced = false
  }

  private struct Candidate {
    var bucket: Int
    var rows: Int
    var time: Double
    var efficiency: Double
    /// Efficiency with what waits longer counted for more.
    var merit: Double
  }

  private var table = ShapeTable()
  /// What a run may take, by the table.
  private var runTime = 0.0
  private var now: Nanoseconds = 0
  private var target = 1.0
  private var candidates: [Candidate] = []
  /// Rows of a bucket that are in the batch anyway.
  private var forced = [Int](repeating: 0, count: LengthBuckets.count)

  mutating func invalidate() { table.invalidate() }

  /// How long the planned batch may still be put off so that it, and after it what else waits in order of arrival, is through
  /// within the target, and before it expires; nanoseconds, below 0 where that is too late already. - Returns: the time, and whether
  /// it is a deadline that bounds it. - Complexity: O(waiting), at most 512.
  mutating func slack<Payload>(_ plan: Plan, _ waiting: borrowing WaitingSet<Payload>, _ model: CostModel, _ limits: BatchLimits, now: Nanoseconds, target: Double) -> (time: Double, byDeadline: Bool) {
    guard let oldest = waiting.oldest else { return (.infinity, false) }
    func left(_ index: Int32) -> Double {
      let origin = waiting.item(index).origin
      return target - (now > origin ? Double(now - origin) : 0)
    }
    func untilExpired(_ index: Int32) -> Double {
      let deadline = waiting.item(index).deadline
      return deadline == .max ? .infinity : deadline > now ? Double(deadline - now) : 0
    }
    var least = left(oldest) - plan.time99, first = untilExpired(oldest) - plan.time99
    // All that waits, at what it is worth; runs that are not the best take longer than that. The planned batch is part of it.
    var work = max(0, plan.time99 - plan.worth)
    var index: Int32? = oldest
    for _ in 0..<512 {
      guard let next = index else { break }
      work += table.entry(waiting.bucket(next), model, limits).value * Double(waiting.item(next).rows) / 0.8 / Double(limits.lanes)
      least = min(least, left(next) - work)
      if waiting.item(next).deadline != .max {
        // What is too long for the planned batch runs after it, alone at worst.
        let item = waiting.item(next), isIn = waiting.bucket(next) <= plan.bucket
        first = min(first, untilExpired(next) - max(work, plan.time99 + (isIn ? 0 : model.predict(rows: item.rows, length: item.length, lanes: limits.lanes, quantile: 0.99))))
      }
      index = waiting.next(after: next)
    }
    return first < least ? (first, true) : (least, false)
  }

  /// - Parameters:
  ///   - target: nanoseconds.
  ///   - protected: requests before this one may not be passed over.
  ///   - explores: whether a little may be given up to run a shape of which little is known.
  ///   - selected: filled with the batch, the oldest first.
  mutating func plan<Payload>(
    _ waiting: borrowing WaitingSet<Payload>, _ model: CostModel, _ limits: BatchLimits, now: Nanoseconds, target: Double, protected: UInt64, explores: Bool,
    selected: inout [Int32]
  ) -> Plan {
    selected.removeAll(keepingCapacity: true)
    guard let oldest = waiting.oldest else { return Plan() }
    if !(limits.runTime <= runTime * 1.05 && limits.runTime >= runTime * 0.95) {
      runTime = limits.runTime
      table.invalidate()
    }

    // Those that must be in, in order: the oldest, and all that may not be passed over again, as far as they fit.
    var rows = 0, bytes = 0, longest = 1, worth = 0.0, merit = 0.0
    self.now = now
    self.target = target
    var index: Int32? = oldest
    var plan = Plan()
    while let now = index, selected.isEmpty || waiting.sequence(now) < protected {
      let item = waiting.item(now)
      let bucket = waiting.bucket(now)
      if !selected.isEmpty {
        let length = max(longest, item.length)
        guard fits(rows + item.rows, length, bytes + item.bytes, limits),
          model.predict(rows: rows + item.rows, length: length, lanes: limits.lanes) <= limits.runTime || model.isEmpty
        else {
          plan.isForced = true
          break
        }
      }
      selected.append(now)
      forced[bucket] += item.rows
      rows += item.rows
      bytes += item.bytes
      longest = max(longest, item.length)
      let value = table.entry(bucket, model, limits).value * Double(item.rows)
      worth += value
      merit += value * urgency(item.origin)
      index = waiting.next(after: now)
    }
    defer { for index in selected { forced[waiting.bucket(index)] = 0 } }
    let must = selected.count
    if !plan.isForced { choose(&plan, waiting, model, limits, rows: rows, longest: longest, worth: worth, merit: merit, explores: explores) }
    else { plan.bucket = LengthBuckets.bucket(longest) }
    if !plan.isForced, plan.rows > rows { fill(plan, waiting, limits, must, &rows, &bytes, &longest, &selected) }
    plan.rows = rows
    plan.time = model.predict(rows: rows, length: longest, lanes: limits.lanes)
    plan.time99 = model.predict(rows: rows, length: longest, lanes: limits.lanes, quantile: 0.99)
    return plan
  }

  private func fits(_ rows: Int, _ length: Int, _ bytes: Int, _ limits: BatchLimits) -> Bool {
    rows <= limits.settings.maxRows && rows * length <= limits.settings.tokenBound && bytes <= limits.settings.maxBytes
  }

  /// The best longest bucket and number of rows.
  private mutating func choose<Payload>(
    _ plan: inout Plan, _ waiting: borrowing WaitingSet<Payload>, _ model: CostModel, _ limits: BatchLimits, rows mustRows: Int, longest: Int, worth mustWorth: Double,
    merit mustMerit: Double, explores: Bool
  ) {
    candidates.removeAll(keepingCapacity: true)
    let own = LengthBuckets.bucket(longest)
    var best = 0.0
    var top: Int? = own
    while let bucket = top {
      let length = bucket == own ? longest : LengthBuckets.longest(bucket)
      let entry = table.entry(bucket, model, limits)
      let most = max(mustRows, entry.mostRows)
      var rows = mustRows, worth = mustWorth, merit = mustMerit
      consider(bucket, rows, length, worth, merit, model, limits, &best)
      var below: Int? = waiting.bucket(atOrBelow: bucket)
      while let source = below, rows < most {
        var available = waiting.buckets[source].rows - forced[source]
        let value = source == bucket ? entry.value : table.entry(source, model, limits).value
        let weight = available > 0 ? urgency(of: source, waiting) : 1
        // A row that is worth less than what it adds to the run only slows it: shorter ones are worth still less.
        while available > 0, rows < most {
          // Ends of classes are looked at one by one: the time may step there.
          let end = min(most, rows + available, max(rows + 1, ShapeGrid.size(ShapeGrid.sizeClass(rows + 1))))
          worth += value * Double(end - rows)
          merit += value * weight * Double(end - rows)
          available -= end - rows
          rows = end
          consider(bucket, rows, length, worth, merit, model, limits, &best)
        }
        below = waiting.bucket(atOrBelow: source - 1)
      }
      // Twice as long at most: a short request does not ride on a dense batch of long ones, however well that would pay.
      top = waiting.bucket(atOrAbove: bucket + 1)
      if let next = top, LengthBuckets.longest(next) > 2 * longest + 4 { top = nil }
      if let next = top, bucketIsTooLong(next, mustRows, model, limits) { top = nil }
    }
    guard var chosen = candidates.first else { return }
    // Of what is as good, the shortest run: what arrives meanwhile waits less.
    chosen.time = .infinity
    for candidate in candidates where candidate.merit >= best * 0.995 && candidate.time < chosen.time { chosen = candidate }
    if explores { explore(&chosen, model) }
    plan.bucket = chosen.bucket
    plan.rows = chosen.rows
    plan.worth = chosen.efficiency * chosen.time
    let entry = table.entry(chosen.bucket, model, limits)
    plan.isFull = chosen.rows >= entry.mostRows || (chosen.efficiency >= 0.97 && chosen.rows >= entry.bestRows)
  }

  /// The shape run least, of those that seem at most a fifth worse.
  private func explore(_ chosen: inout Candidate, _ model: CostModel) {
    let enough = chosen.merit * 0.8
    var least = min(5, model.familiarity(rows: chosen.rows, length: LengthBuckets.longest(chosen.bucket)))
    for candidate in candidates where candidate.merit >= enough {
      let runs = model.familiarity(rows: candidate.rows, length: LengthBuckets.longest(candidate.bucket))
      guard runs < least else { continue }
      least = runs
      chosen = candidate
    }
  }

  private func bucketIsTooLong(_ bucket: Int, _ rows: Int, _ model: CostModel, _ limits: BatchLimits) -> Bool {
    let length = LengthBuckets.longest(bucket)
    return (rows + 1) * length > limits.settings.tokenBound || model.predict(rows: rows + 1, length: length, lanes: limits.lanes) > limits.runTime
  }

  @inline(__always) private mutating func consider(_ bucket: Int, _ rows: Int, _ length: Int, _ worth: Double, _ merit: Double, _ model: CostModel, _ limits: BatchLimits, _ best: inout Double) {
    let time = max(1, model.predict(rows: rows, length: length, lanes: limits.lanes))
    let merit = merit / time
    if merit > best { best = merit }
    if merit >= best * 0.7 { candidates.append(Candidate(bucket: bucket, rows: rows, time: time, efficiency: worth / time, merit: merit)) }
  }

  /// What waiting adds to a request's weight: delay costs the more the nearer the target is. Without it the common lengths are
  /// served first, and the tail of the others grows.
  @inline(__always) private func urgency(_ origin: Nanoseconds) -> Double {
    let age = now > origin ? min(2, Double(now - origin) / target) : 0
    return 1 + age * age
  }
  private func urgency<Payload>(of bucket: Int, _ waiting: borrowing WaitingSet<Payload>) -> Double {
    guard let first = waiting.firstInBucket(bucket), let last = waiting.lastInBucket(bucket) else { return 1 }
    return (urgency(waiting.item(first).origin) + urgency(waiting.item(last).origin)) / 2
  }

  /// Takes from the longest bucket down, the oldest of each first.
  private func fill<Payload>(
    _ plan: Plan, _ waiting: borrowing WaitingSet<Payload>, _ limits: BatchLimits, _ must: Int, _ rows: inout Int, _ bytes: inout Int, _ longest: inout Int,
    _ selected: inout [Int32]
  ) {
    var source = waiting.bucket(atOrBelow: plan.bucket)
    while let bucket = source, rows < plan.rows {
      var index = waiting.firstInBucket(bucket)
      while let now = index, rows < plan.rows {
        index = waiting.nextInBucket(after: now)
        let item = waiting.item(now)
        guard rows + item.rows <= plan.rows, fits(rows + item.rows, max(longest, item.length), bytes + item.bytes, limits) else { continue }
        if forced[bucket] > 0, selected[..<must].contains(now) { continue }
        selected.append(now)
        rows += item.rows
        bytes += item.bytes
        longest = max(longest, item.length)
      }
      source = waiting.bucket(atOrBelow: bucket - 1)
    }
  }
}
