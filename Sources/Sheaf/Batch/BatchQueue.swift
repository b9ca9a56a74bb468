/// The requests that wait, under the policy in force: a `BatchMachine` where it is fixed, an `AdaptiveMachine` where it is adaptive.
/// Where the policy is changed, what waits moves over in order of arrival.
struct BatchQueue<Payload>: ~Copyable {
  private var fixed: BatchMachine<Payload>
  private var adaptive: AdaptiveMachine<Payload>
  private var isAdaptive: Bool

  /// - Parameter lanes: that may run at once.
  init(_ settings: BatchSettings, lanes: Int) {
    self.settings = settings
    fixed = BatchMachine(settings)
    adaptive = AdaptiveMachine(settings, settings.adaptive, lanes: lanes)
    isAdaptive = settings.policy == .adaptive
  }

  var settings: BatchSettings {
    didSet {
      fixed.settings = settings
      adaptive.settings = settings
      adaptive.adaptive = settings.adaptive
      if isAdaptive != (settings.policy == .adaptive) { move() }
    }
  }

  var isDraining = false {
    didSet {
      fixed.isDraining = isDraining
      adaptive.isDraining = isDraining
    }
  }

  /// That the oldest waits long is no reason for longer runs.
  var isPatient = false { didSet { adaptive.isPatient = isPatient } }

  private mutating func move() {
    isAdaptive.toggle()
    var moving: [(BatchItem, Payload)] = []
    if isAdaptive {
      fixed.removeAll { moving.append(($0, $1)) }
      for (item, payload) in moving { adaptive.add(item, payload, now: item.arrival) }
    } else {
      adaptive.removeAll { moving.append(($0, $1)) }
      for (item, payload) in moving { fixed.add(item, payload) }
    }
  }

  var isEmpty: Bool { isAdaptive ? adaptive.isEmpty : fixed.isEmpty }
  /// When the oldest came; nil: nothing waits.
  var oldestArrival: Nanoseconds? { isAdaptive ? adaptive.oldestArrival : fixed.oldestArrival }
  var rows: Int { isAdaptive ? adaptive.rows : fixed.rows }
  /// What runs cost, as far as it was measured; learned under either policy.
  var model: CostModel {
    get { adaptive.model }
    set { adaptive.model = newValue }
  }
  /// Whether the last batch's oldest request is expected to be answered within the target.
  var targetIsMet: Bool { !isAdaptive || adaptive.targetIsMet }

  mutating func add(_ item: BatchItem, _ payload: Payload, now: Nanoseconds) {
    if isAdaptive { adaptive.add(item, payload, now: now) } else { fixed.add(item, payload) }
  }

  mutating func next(_ now: Nanoseconds) -> BatchDecision { isAdaptive ? adaptive.next(now) : fixed.next(now) }

  mutating func take(_ count: Int, _ body: (BatchItem, Payload) -> Void) {
    if isAdaptive { adaptive.take(count, body) } else { fixed.take(count, body) }
  }

  /// What is to be dispatched at `now` without waiting for more. - Parameter reason: why, unless it is full.
  mutating func hurried(_ now: Nanoseconds, _ reason: DispatchReason) -> BatchDecision {
    let wasDraining = isDraining
    isDraining = true
    defer { isDraining = wasDraining }
    let decision = next(now)
    guard case .dispatch(let count, .drain) = decision else { return decision }
    return .dispatch(count: count, reason)
  }

  /// Takes what fits beside what a batch holds already, the oldest first; what does not fit, or has expired, is passed over.
  /// - Returns: whether the oldest left.
  mutating func fill(_ load: inout BatchLoad, _ now: Nanoseconds, _ body: (BatchItem, Payload) -> Void) -> Bool {
    isAdaptive ? adaptive.fill(&load, now, body) : fixed.fill(&load, now, body)
  }

  mutating func removeExpired(_ now: Nanoseconds, _ body: (Payload) -> Void) {
    if isAdaptive { adaptive.removeExpired(now, body) } else { fixed.removeExpired(now, body) }
  }

  mutating func remove(where shouldLeave: (Payload) -> Bool, _ body: (Payload) -> Void) {
    if isAdaptive { adaptive.remove(where: shouldLeave, body) } else { fixed.remove(where: shouldLeave, body) }
  }

  /// A run took so long. - Parameter lanes: that ran at once, with it.
  mutating func observe(rows: Int, length: Int, duration: Nanoseconds, lanes: Int, now: Nanoseconds) {
    fixed.runTimes.observe(rows: rows, duration)
    adaptive.observe(rows: rows, length: length, duration: duration, lanes: lanes, now: now)
  }

  /// What an answer took beside waiting here and running.
  mutating func observe(overhead: Nanoseconds) { adaptive.observe(overhead: overhead) }
}
