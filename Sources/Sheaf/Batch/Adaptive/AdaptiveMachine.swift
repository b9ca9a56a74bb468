/// Decides when the waiting requests become a batch, and which of them, by what runs cost: the adaptive counterpart of
/// `BatchMachine`, asked in the same way. Pure: time is an argument.
///
/// Every batch holds the oldest request and is filled around its length, with requests of its group. While the oldest waits for company,
/// another group's batch that is as good as it can be goes before it. Tell it of each run (`observe`), and of what an answer takes beside
/// waiting and running (`observe(overhead:)`).
struct AdaptiveMachine<Payload>: ~Copyable {
  typealias Reason = DispatchReason
  typealias Decision = BatchDecision

  var model: CostModel
  private var lines = GroupLines<AdaptiveLine<Payload>>()
  private let window: Int
  /// Of the batch decided on last.
  private var chosen: AdaptiveLine<Payload>?
  private var planner = BatchPlanner()
  private var latePlanner = BatchPlanner()
  private var overhead = 0.0
  private var selected: [Int32] = []
  /// While waiting: not to be thought about again before this time or this many rows.
  private var quiet: (until: Nanoseconds, rows: Int)?
  /// Whether the oldest request of the batch decided on last is expected to be answered within the target.
  private(set) var targetIsMet = true
  /// Of the batch decided on last.
  private(set) var plan = BatchPlanner.Plan()
  private var decisions = 0
  /// Nanoseconds a row took, lately.
  private var rowTime = 0.0
  /// No request waits whose deadline is earlier.
  private var earliestDeadline = Nanoseconds.max

  var settings: BatchSettings { didSet { changed() } }
  var adaptive: AdaptiveSettings { didSet { changed() } }
  var isDraining = false
  /// That the oldest waits long is no reason for longer runs.
  var isPatient = false
  /// That may run at once.
  var lanes: Int

  init(_ settings: BatchSettings, _ adaptive: AdaptiveSettings, lanes: Int = 1, model: CostModel = CostModel(), window: Int = 1024) {
    self.settings = settings
    self.adaptive = adaptive
    self.lanes = max(1, lanes)
    self.model = model
    self.window = window
  }

  private mutating func changed() {
    planner.invalidate()
    latePlanner.invalidate()
    quiet = nil
    for line in lines.all where line.passedOver.bound != adaptive.passedOverAtMost { line.passedOver = PassedOver(bound: adaptive.passedOverAtMost) }
  }

  var isEmpty: Bool { count == 0 }
  private(set) var count = 0
  /// When the oldest came; nil: nothing waits.
  var oldestArrival: Nanoseconds? { lines.oldest?.oldestArrival }
  private(set) var rows = 0

  /// - Complexity: O(1) amortised.
  mutating func add(_ item: BatchItem, _ payload: Payload, now: Nanoseconds) {
    let line = lines.line(of: item.group) { [window, adaptive] in AdaptiveLine(group: item.group, window: window, passedOverAtMost: adaptive.passedOverAtMost) }
    line.waiting.add(item, payload)
    line.arrivals.add(rows: item.rows, now: now)
    count += 1
    rows += item.rows
    if item.deadline != .max {
      earliestDeadline = min(earliestDeadline, item.deadline)
      quiet = nil
    }
  }

  /// - Parameter lanes: that ran at once.
  mutating func observe(rows: Int, length: Int, duration: Nanoseconds, lanes: Int = 1, now: Nanoseconds) {
    model.observe(rows: rows, length: length, duration: duration, lanes: lanes, now: now)
  }

  /// What an answer took beside waiting here and running: decoding before, encoding, sending and the acknowledgement after. Kept
  /// as a high quantile.
  mutating func observe(overhead duration: Nanoseconds) {
    // One that took the whole target, while a broker was away, tells nothing more.
    let value = Double(min(duration, adaptive.latencyTarget))
    let step = max(overhead, value) * 0.02
    overhead = max(0, overhead + (value > overhead ? step * 0.95 : -step * 0.05))
  }

  /// What is to be done at `now` by a lane that is free. A batch decided on is to be taken before anything else is asked.
  /// - Complexity: O(lengths that wait²), and O(batch).
  mutating func next(_ now: Nanoseconds) -> Decision {
    guard let line = lines.oldest else { return .wait(until: nil) }
    if now >= earliestDeadline { return .expire }
    if let quiet, !isDraining {
      if now < quiet.until, rows < quiet.rows { return .wait(until: quiet.until) }
      self.quiet = nil
    }
    let target = target, age = age(line, now)
    makePlan(line, now, target: target, age: age)
    if plan.isForced { return .dispatch(count: selected.count, .passedOver) }
    if plan.isFull { return .dispatch(count: selected.count, .full) }
    if isDraining { return .dispatch(count: selected.count, .drain) }
    switch adaptive.objective {
    case .latency: return .dispatch(count: selected.count, .idle)
    case .efficiency:
      let decision = waitForCompany(line, now, age: age, target: target)
      if !decision.isDispatch, lines.all.count > 1, !settings.isInOrder, planFull(but: line, now, target) { return .dispatch(count: selected.count, .full) }
      return decision
    }
  }

  private func age(_ line: AdaptiveLine<Payload>, _ now: Nanoseconds) -> Double {
    guard let oldest = line.waiting.oldest, case let origin = line.waiting.item(oldest).origin, now > origin else { return 0 }
    return Double(now - origin)
  }

  /// Plans the batch of another group, if there is one that no company could make better. - Complexity: as `next`, for eight groups.
  private mutating func planFull(but oldest: AdaptiveLine<Payload>, _ now: Nanoseconds, _ target: Double) -> Bool {
    let likely = lines.all.filter { $0 !== oldest && $0.waiting.rows > 1 }.sorted { $0.waiting.rows > $1.waiting.rows }
    for line in likely.prefix(8) {
      makePlan(line, now, target: target, age: age(line, now))
      if plan.isFull { return true }
    }
    return false
  }

  /// What waiting and the run may take: of the latency target what answers take elsewhere is left out, half of it at most. Where
  /// that takes longer still (transactions last as long as the target), small batches would not help.
  private var target: Double { max(1, Double(adaptive.latencyTarget) - overhead, Double(adaptive.latencyTarget) / 2) }

  private func limits(_ target: Double) -> BatchLimits {
    BatchLimits(settings: settings, runTime: target * adaptive.runShare, lanes: lanes)
  }

  private mutating func makePlan(_ line: AdaptiveLine<Payload>, _ now: Nanoseconds, target: Double, age: Double) {
    chosen = line
    decisions &+= 1
    // Now and then, and where there is time for a run twice as long as expected.
    let explores = decisions & 31 == 0 && age + 2 * plan.time99 < target / 2
    var limits = self.limits(target)
    let protected = settings.isInOrder ? .max : line.passedOver.limit
    plan = planner.plan(line.waiting, model, limits, now: now, target: target, protected: protected, explores: explores, selected: &selected)
    targetIsMet = isPatient || model.isEmpty || age + plan.time99 <= target
    if !targetIsMet {
      // Too late for the oldest: drain as fast as can be; where no run is within the target, at any length of runs.
      let alone = line.waiting.oldest.map { model.predict(rows: 1, length: line.waiting.item($0).length, lanes: limits.lanes) } ?? 0
      limits.runTime = alone > target ? .infinity : max(limits.runTime, target)
      plan = latePlanner.plan(line.waiting, model, limits, now: now, target: target, protected: protected, explores: false, selected: &selected)
    }
  }

  /// Waiting pays while the batch is not as good as it can be, company is to be expected, and the target allows it.
  private mutating func waitForCompany(_ line: AdaptiveLine<Payload>, _ now: Nanoseconds, age: Double, target: Double) -> Decision {
    guard !model.isEmpty else { return .dispatch(count: selected.count, .idle) }
    let usual = line.arrivals.perSecond(now), all = lines.all.count == 1 ? usual : lines.all.reduce(0) { $0 + $1.arrivals.perSecond(now) }
    // A load that has just begun shows in what came since the oldest, before it shows in the rate.
    let present = age > 0 ? Double(max(0, rows - 3)) / (age / 1e9) : 0
    // The busier the device, the less there is to gain and the more to lose.
    let load = min(1, max(all, present) * rowTime / 1e9 / Double(lanes))
    var due = planner.slack(plan, line.waiting, model, limits(target), now: now, target: target * 0.95 * (1 - load * load))
    // What other groups have waiting runs after it.
    due.time -= Double(rows - line.waiting.rows) * rowTime / Double(lanes)
    let arrival = oldestArrival ?? now
    let slack = min(due.time, Double(min(settings.maxWait, UInt64(1) << 62)) - (now > arrival ? Double(now - arrival) : 0))
    guard slack > 0 else { return .dispatch(count: selected.count, due.byDeadline ? .deadline : .wait) }
    let until = now + Nanoseconds(slack)
    guard usual == 0 || usual * slack / 1e9 > 0.2 else { return .dispatch(count: selected.count, .lonely) }
    quiet = (until, rows + max(1, rows / 8))
    return .wait(until: until)
  }

  /// Removes the batch that `next` decided on, the oldest first. - Parameter count: as `next` said.
  mutating func take(_ count: Int, _ body: (BatchItem, Payload) -> Void) {
    precondition(count == selected.count, "a batch of \(count) was not decided on, one of \(selected.count) was")
    guard let line = chosen else { return }
    var newest: UInt64 = 0
    for index in selected {
      newest = max(newest, line.waiting.sequence(index))
      let next = remove(index, line)
      body(next.item, next.payload)
    }
    if !selected.isEmpty { line.passedOver.dispatched(newest: newest) }
    if plan.rows > 0 { rowTime += (plan.time / Double(plan.rows) - rowTime) * 0.1 }
    decided()
  }

  private mutating func remove(_ index: Int32, _ line: AdaptiveLine<Payload>) -> (item: BatchItem, payload: Payload) {
    let next = line.waiting.remove(index)
    count -= 1
    rows -= next.item.rows
    return next
  }

  /// Takes what fits beside what a batch holds already: the nearest lengths that add no padding first, then those up to twice as long,
  /// as far as the run stays within the target's share. What does not fit, or has expired, is passed over (in order: ends it).
  /// - Returns: whether the oldest left.
  mutating func fill(_ load: inout BatchLoad, _ now: Nanoseconds, _ body: (BatchItem, Payload) -> Void) -> Bool {
    guard let first = lines.oldest, let line = load.group.map({ lines.existing($0) }) ?? first, let oldest = line.waiting.oldest else { return false }
    let sequence = line.waiting.sequence(oldest), limits = limits(target)
    let longest = max(1, load.longest), own = LengthBuckets.bucket(longest)
    if settings.isInOrder {
      while let first = line.waiting.oldest, add(first, line, &load, limits, now, body) {}
    } else {
      var bucket = line.waiting.bucket(atOrBelow: own)
      while let source = bucket, !load.isFull(settings) {
        fill(from: source, line, &load, limits, now, body)
        bucket = line.waiting.bucket(atOrBelow: source - 1)
      }
      bucket = line.waiting.bucket(atOrAbove: own + 1)
      while let source = bucket, !load.isFull(settings), LengthBuckets.longest(source) <= 2 * longest + 4 {
        fill(from: source, line, &load, limits, now, body)
        bucket = line.waiting.bucket(atOrAbove: source + 1)
      }
    }
    decided()
    return line === first && line.waiting.oldest.map { line.waiting.sequence($0) != sequence } ?? true
  }

  /// The oldest of a bucket first, until one does not fit.
  private mutating func fill(
    from bucket: Int, _ line: AdaptiveLine<Payload>, _ load: inout BatchLoad, _ limits: BatchLimits, _ now: Nanoseconds, _ body: (BatchItem, Payload) -> Void
  ) {
    while let first = line.waiting.firstInBucket(bucket), add(first, line, &load, limits, now, body) {}
  }

  private mutating func add(
    _ index: Int32, _ line: AdaptiveLine<Payload>, _ load: inout BatchLoad, _ limits: BatchLimits, _ now: Nanoseconds, _ body: (BatchItem, Payload) -> Void
  ) -> Bool {
    let item = line.waiting.item(index), length = max(load.longest, item.length), rows = load.rows + item.rows
    guard item.deadline > now, load.fits(item, settings), rows <= limits.rows(length: length, model) else { return false }
    guard model.isEmpty || model.predict(rows: rows, length: length, lanes: limits.lanes) <= limits.runTime else { return false }
    let next = remove(index, line)
    load.add(next.item)
    body(next.item, next.payload)
    return true
  }

  /// Removes what has expired and gives it to `body`; the others keep their order. - Complexity: O(requests waiting).
  mutating func removeExpired(_ now: Nanoseconds, _ body: (Payload) -> Void) {
    var earliest = Nanoseconds.max
    remove(whereItem: { item, _ in
      if item.deadline <= now { return true }
      earliest = min(earliest, item.deadline)
      return false
    }, body)
    earliestDeadline = earliest
  }

  /// Removes all, in order of arrival.
  mutating func removeAll(_ body: (BatchItem, Payload) -> Void) {
    var all: [(item: BatchItem, payload: Payload)] = []
    for line in lines.all { line.waiting.removeAll { all.append(($0, $1)) } }
    (rows, count) = (0, 0)
    decided()
    // What one group has is in order already; the sort is stable.
    for (item, payload) in all.sorted(by: { $0.item.arrival < $1.item.arrival }) { body(item, payload) }
  }

  /// Removes the requests for which `shouldLeave` holds and gives them to `body`. - Complexity: O(requests waiting).
  mutating func remove(where shouldLeave: (Payload) -> Bool, _ body: (Payload) -> Void) {
    remove(whereItem: { _, payload in shouldLeave(payload) }, body)
  }

  private mutating func remove(whereItem shouldLeave: (BatchItem, Payload) -> Bool, _ body: (Payload) -> Void) {
    for line in lines.all { line.waiting.remove(where: shouldLeave, body) }
    (rows, count) = lines.all.reduce((0, 0)) { ($0.0 + $1.waiting.rows, $0.1 + $1.waiting.count) }
    decided()
  }

  private mutating func decided() {
    selected.removeAll(keepingCapacity: true)
    chosen = nil
    quiet = nil
    if count == 0 { earliestDeadline = .max }
  }
}
