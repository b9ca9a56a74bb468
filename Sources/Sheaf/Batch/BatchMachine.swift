/// What the batching core sees of a request: never its payload.
struct BatchItem: BitwiseCopyable {
  var arrival: Nanoseconds
  /// At least 1.
  var rows: Int
  /// The longest of its rows.
  var length: Int
  /// Bytes of its decoded rows.
  var bytes: Int
  /// When it expires; `.max`: never.
  var deadline: Nanoseconds = .max
  /// How long it had waited elsewhere when it arrived, where the broker's clock tells.
  var before: Nanoseconds = 0

  /// When its waiting began, for the latency target.
  var origin: Nanoseconds { arrival - min(arrival, before) }
}

/// Decides when the waiting requests become a batch, and which of them. Pure: time is an argument, and `next` tells the deadline
/// at which to ask again.
///
/// A batch is due when it is full (nothing more would fit), when its oldest request has waited `maxWait`, when a request would
/// expire if the run began later, or at once while draining. A request whose deadline has passed is never dispatched. A batch is formed when a lane asks for it, not before, so the waiting batch keeps growing while lanes run. Requests
/// leave in the order in which they came; a batch is the longest prefix within the bounds. A single request over a bound (the
/// bound was lowered after it came) runs alone.
struct BatchMachine<Payload>: ~Copyable {
  typealias Reason = DispatchReason
  typealias Decision = BatchDecision

  struct Waiting {
    var item: BatchItem
    var payload: Payload
  }

  private var waiting = Ring<Waiting>(minimumCapacity: 64)
  /// The prefix that fits, as far as it has been looked at.
  private var prefix = Prefix()

  private struct Prefix {
    var count = 0
    var rows = 0
    var longest = 0
    var bytes = 0
    /// The earliest of its requests'.
    var deadline = Nanoseconds.max
    /// The next request does not fit, or none would.
    var isFull = false
  }

  /// Rows that wait.
  private(set) var rows = 0

  var settings: BatchSettings {
    didSet { prefix = Prefix() }
  }

  /// How long runs take, for deadlines.
  var runTimes = RunTimes()

  /// What waits is dispatched without waiting for more.
  var isDraining = false

  init(_ settings: BatchSettings) { self.settings = settings }

  var isEmpty: Bool { waiting.isEmpty }
  var count: Int { waiting.count }
  /// When the oldest came; nil: nothing waits.
  var oldestArrival: Nanoseconds? { waiting.isEmpty ? nil : waiting[0].item.arrival }

  /// - Complexity: amortised O(1).
  mutating func add(_ item: BatchItem, _ payload: Payload) {
    waiting.append(Waiting(item: item, payload: payload))
    rows += item.rows
  }

  /// What is to be done at `now` by a lane that is free. - Complexity: O(requests added since the last call).
  mutating func next(_ now: Nanoseconds) -> Decision {
    guard !waiting.isEmpty else { return .wait(until: nil) }
    extend()
    if now >= prefix.deadline { return .expire }
    if prefix.isFull { return .dispatch(count: prefix.count, .full) }
    if isDraining { return .dispatch(count: prefix.count, .drain) }
    let due = waiting[0].item.arrival &+ settings.maxWait
    if now >= due { return .dispatch(count: prefix.count, .wait) }
    if prefix.deadline == .max { return .wait(until: due) }
    let latest = latestStart
    return now >= latest ? .dispatch(count: prefix.count, .deadline) : .wait(until: min(due, latest))
  }

  /// When a run of the prefix has to begin to end by its earliest deadline; 0 while it is not known how long runs take.
  private var latestStart: Nanoseconds {
    guard let expected = runTimes.expected(rows: prefix.rows), expected < prefix.deadline else { return 0 }
    return prefix.deadline - expected
  }

  /// Removes what has expired and gives it to `body`; the others keep their order. - Complexity: O(requests waiting).
  mutating func removeExpired(_ now: Nanoseconds, _ body: (Payload) -> Void) {
    remove(whereItem: { item, _ in item.deadline <= now }, body)
  }

  /// Removes the first `count` requests, in order.
  mutating func take(_ count: Int, _ body: (BatchItem, Payload) -> Void) {
    for _ in 0..<count {
      let next = waiting.removeFirst()
      rows -= next.item.rows
      body(next.item, next.payload)
    }
    prefix = Prefix()
  }

  /// Takes what fits beside what a batch holds already, the oldest first. What does not fit, or has expired, is passed over (in order:
  /// ends it). - Returns: whether the oldest left. - Complexity: O(requests waiting).
  mutating func fill(_ load: inout BatchLoad, _ now: Nanoseconds, _ body: (BatchItem, Payload) -> Void) -> Bool {
    var oldestLeft = false
    func fits(_ item: BatchItem) -> Bool { item.deadline > now && load.fits(item, settings) }
    while !waiting.isEmpty, fits(waiting[0].item) {
      let next = waiting.removeFirst()
      rows -= next.item.rows
      load.add(next.item)
      body(next.item, next.payload)
      oldestLeft = true
    }
    if !settings.isInOrder, !load.isFull(settings) {
      for _ in 0..<waiting.count {
        let next = waiting.removeFirst()
        if fits(next.item) {
          rows -= next.item.rows
          load.add(next.item)
          body(next.item, next.payload)
        } else {
          waiting.append(next)
        }
      }
    }
    prefix = Prefix()
    return oldestLeft
  }

  /// Removes all, in order.
  mutating func removeAll(_ body: (BatchItem, Payload) -> Void) { take(count, body) }

  /// Removes the requests for which `shouldLeave` holds and gives them to `body`; the others keep their order.
  /// - Complexity: O(requests waiting).
  mutating func remove(where shouldLeave: (Payload) -> Bool, _ body: (Payload) -> Void) {
    remove(whereItem: { _, payload in shouldLeave(payload) }, body)
  }

  private mutating func remove(whereItem shouldLeave: (BatchItem, Payload) -> Bool, _ body: (Payload) -> Void) {
    for _ in 0..<waiting.count {
      let next = waiting.removeFirst()
      if shouldLeave(next.item, next.payload) {
        rows -= next.item.rows
        body(next.payload)
      } else {
        waiting.append(next)
      }
    }
    prefix = Prefix()
  }

  private mutating func extend() {
    while !prefix.isFull, prefix.count < waiting.count {
      let item = waiting[prefix.count].item
      let rows = prefix.rows + item.rows
      let longest = max(prefix.longest, item.length)
      let bytes = prefix.bytes + item.bytes
      let fits = rows <= settings.maxRows && rows * longest <= settings.tokenBound && bytes <= settings.maxBytes
      guard fits || prefix.count == 0 else {
        prefix.isFull = true
        return
      }
      prefix.count += 1
      prefix.rows = rows
      prefix.longest = longest
      prefix.bytes = bytes
      prefix.deadline = min(prefix.deadline, item.deadline)
      // Not even one more row of this length.
      prefix.isFull = rows >= settings.maxRows || (rows + 1) * longest > settings.tokenBound || bytes >= settings.maxBytes
    }
  }
}
