/// The requests that wait, by priority: a `BatchQueue` each. Pure.
///
/// A batch is due when either queue says so. It is what the interactive one would dispatch, if anything waits there, and the rest of
/// its rows are filled with bulk requests, within the bounds; what does not fit is passed over. Bulk requests run alone where nothing
/// else waits. Where the oldest of them has been that for `bulkWait`, it goes first, once: so they never starve, and never take more
/// than a batch in that time from the others.
struct BatchQueues<Payload>: ~Copyable {
  private var interactive: BatchQueue<Payload>
  private var bulk: BatchQueue<Payload>
  private let bulkWait: Nanoseconds?
  /// When a bulk request that was the oldest left last.
  private var bulkWentAt: Nanoseconds = 0
  /// The batch decided on last: who leads it, with how many, and when that was.
  private var leader = Priority.interactive
  private var count = 0
  private var decidedAt: Nanoseconds = 0

  /// - Parameters:
  ///   - lanes: that may run at once.
  ///   - bulkWait: nil: there are no bulk requests.
  init(_ settings: BatchSettings, lanes: Int, bulkWait: Nanoseconds? = nil) {
    interactive = BatchQueue(settings, lanes: lanes)
    bulk = BatchQueue(settings, lanes: lanes)
    bulk.isPatient = true
    self.bulkWait = bulkWait
  }

  var settings: BatchSettings {
    get { interactive.settings }
    set {
      interactive.settings = newValue
      bulk.settings = newValue
    }
  }

  var isDraining: Bool {
    get { interactive.isDraining }
    set {
      interactive.isDraining = newValue
      bulk.isDraining = newValue
    }
  }

  /// What runs cost, as far as it was measured.
  var model: CostModel {
    get { interactive.model }
    set {
      interactive.model = newValue
      bulk.model = newValue
    }
  }

  var isEmpty: Bool { interactive.isEmpty && bulk.isEmpty }
  func rows(_ priority: Priority) -> Int { priority == .interactive ? interactive.rows : bulk.rows }
  /// Whether the last batch's oldest request is expected to be answered within the target; bulk requests have none.
  var targetIsMet: Bool { leader == .bulk || interactive.targetIsMet }

  mutating func add(_ item: BatchItem, _ payload: Payload, _ priority: Priority = .interactive, now: Nanoseconds) {
    if priority == .interactive { interactive.add(item, payload, now: now) } else { bulk.add(item, payload, now: now) }
  }

  /// What is to be done at `now` by a lane that is free; the count is of those that lead the batch, `take` gives it whole.
  mutating func next(_ now: Nanoseconds) -> BatchDecision {
    decidedAt = now
    let above = interactive.next(now)
    guard let oldest = bulk.oldestArrival, let bulkWait else { return led(by: .interactive, above) }
    let below = bulk.next(now)
    if above == .expire || below == .expire { return .expire }
    let turn = max(oldest, bulkWentAt) + bulkWait
    if now >= turn { return led(by: .bulk, below.isDispatch ? below : bulk.hurried(now, .wait)) }
    if above.isDispatch { return led(by: .interactive, above) }
    if case .dispatch(_, let reason) = below {
      return interactive.isEmpty ? led(by: .bulk, below) : led(by: .interactive, interactive.hurried(now, reason))
    }
    guard case .wait(let due) = above, case .wait(let bulkDue) = below else { return above }
    return .wait(until: min(due ?? .max, bulkDue ?? .max, turn))
  }

  private mutating func led(by leader: Priority, _ decision: BatchDecision) -> BatchDecision {
    if case .dispatch(let count, _) = decision {
      self.leader = leader
      self.count = count
    }
    return decision
  }

  /// Takes out the batch that `next` decided on, those that lead it first. - Returns: whether those of the other queue made it full.
  mutating func take(_ body: (BatchItem, Payload) -> Void) -> Bool {
    var load = BatchLoad()
    let now = decidedAt
    if leader == .interactive {
      interactive.take(count) {
        load.add($0)
        body($0, $1)
      }
      let rows = load.rows
      if !bulk.isEmpty, bulk.fill(&load, now, body) { bulkWentAt = now }
      return load.rows > rows && load.isFull(settings)
    } else {
      bulk.take(count) {
        load.add($0)
        body($0, $1)
      }
      bulkWentAt = now
      let rows = load.rows
      if !interactive.isEmpty { _ = interactive.fill(&load, now, body) }
      return load.rows > rows && load.isFull(settings)
    }
  }

  mutating func removeExpired(_ now: Nanoseconds, _ body: (Payload) -> Void) {
    interactive.removeExpired(now, body)
    bulk.removeExpired(now, body)
  }

  mutating func remove(where shouldLeave: (Payload) -> Bool, _ body: (Payload) -> Void) {
    interactive.remove(where: shouldLeave, body)
    bulk.remove(where: shouldLeave, body)
  }

  /// A run took so long. - Parameter lanes: that ran at once, with it.
  mutating func observe(rows: Int, length: Int, duration: Nanoseconds, lanes: Int, now: Nanoseconds) {
    interactive.observe(rows: rows, length: length, duration: duration, lanes: lanes, now: now)
    if bulkWait != nil { bulk.observe(rows: rows, length: length, duration: duration, lanes: lanes, now: now) }
  }

  /// What an answer took beside waiting here and running.
  mutating func observe(overhead: Nanoseconds) {
    interactive.observe(overhead: overhead)
    bulk.observe(overhead: overhead)
  }
}
