/// Decides when the waiting requests become a batch, and which of them. Pure: time is an argument, and `next` tells the deadline
/// at which to ask again.
///
/// A batch is due when it is full (nothing more would fit), when its oldest request has waited `maxWait`, when a request would
/// expire if the run began later, or at once while draining. A request whose deadline has passed is never dispatched. A batch is formed
/// when a lane asks for it, not before, so the waiting batch keeps growing while lanes run. Requests of one group leave in the order in
/// which they came; a batch is the longest prefix of theirs within the bounds. Among groups the one with the oldest request goes first;
/// while that may still wait, another's batch that is full goes before it, unless replies have an order.
struct BatchMachine<Payload>: ~Copyable {
  typealias Reason = DispatchReason
  typealias Decision = BatchDecision

  private var lines = GroupLines<BatchLine<Payload>>()
  /// Of the batch decided on last.
  private var chosen: BatchLine<Payload>?

  /// Rows that wait.
  private(set) var rows = 0
  /// Requests that wait.
  private(set) var count = 0

  var settings: BatchSettings { didSet { for line in lines.all { line.forgetPrefix() } } }

  /// How long runs take, for deadlines.
  var runTimes = RunTimes()

  /// What waits is dispatched without waiting for more.
  var isDraining = false

  init(_ settings: BatchSettings) { self.settings = settings }

  var isEmpty: Bool { count == 0 }
  /// When the oldest came; nil: nothing waits.
  var oldestArrival: Nanoseconds? { lines.oldest?.oldestArrival }

  /// - Complexity: amortised O(1).
  mutating func add(_ item: BatchItem, _ payload: Payload) {
    lines.line(of: item.group) { BatchLine(group: item.group) }.add(item, payload)
    rows += item.rows
    count += 1
  }

  /// What is to be done at `now` by a lane that is free. - Complexity: O(groups), and O(requests added since the last call).
  mutating func next(_ now: Nanoseconds) -> Decision {
    guard let oldest = lines.oldest, let arrival = oldest.oldestArrival else { return .wait(until: nil) }
    for line in lines.all {
      line.extend(settings)
      if now >= line.prefix.deadline { return .expire }
    }
    let due = arrival &+ settings.maxWait
    if oldest.prefix.isFull { return dispatch(oldest, .full) }
    if isDraining { return dispatch(oldest, .drain) }
    if now >= due { return dispatch(oldest, .wait) }
    if !settings.isInOrder, lines.all.count > 1, let full = oldestFull { return dispatch(full, .full) }
    var until = due
    for line in lines.all where line.prefix.deadline != .max {
      let latest = latestStart(line.prefix)
      if now >= latest { return dispatch(line, .deadline) }
      until = min(until, latest)
    }
    return .wait(until: until)
  }

  private mutating func dispatch(_ line: BatchLine<Payload>, _ reason: Reason) -> Decision {
    chosen = line
    return .dispatch(count: line.prefix.count, reason)
  }

  private var oldestFull: BatchLine<Payload>? {
    lines.all.lazy.filter(\.prefix.isFull).min { $0.oldestArrival ?? .max < $1.oldestArrival ?? .max }
  }

  /// When a run of a prefix has to begin to end by its earliest deadline; 0 while it is not known how long runs take.
  private func latestStart(_ prefix: BatchLine<Payload>.Prefix) -> Nanoseconds {
    guard let expected = runTimes.expected(rows: prefix.rows), expected < prefix.deadline else { return 0 }
    return prefix.deadline - expected
  }

  /// Removes what has expired and gives it to `body`; the others keep their order. - Complexity: O(requests waiting).
  mutating func removeExpired(_ now: Nanoseconds, _ body: (Payload) -> Void) {
    remove(whereItem: { item, _ in item.deadline <= now }, body)
  }

  /// Removes the first `count` requests of the batch that `next` decided on, in order.
  mutating func take(_ count: Int, _ body: (BatchItem, Payload) -> Void) {
    guard let line = chosen ?? lines.oldest else { return }
    for _ in 0..<count {
      let next = line.removeFirst()
      left(next.item)
      body(next.item, next.payload)
    }
    line.forgetPrefix()
    chosen = nil
  }

  private mutating func left(_ item: BatchItem) {
    rows -= item.rows
    count -= 1
  }

  /// Takes what fits beside what a batch holds already, the oldest first. What does not fit, or has expired, is passed over (in order:
  /// ends it). - Returns: whether the oldest left. - Complexity: O(requests waiting).
  mutating func fill(_ load: inout BatchLoad, _ now: Nanoseconds, _ body: (BatchItem, Payload) -> Void) -> Bool {
    guard let oldest = lines.oldest, let line = load.group.map({ lines.existing($0) }) ?? oldest else { return false }
    var gone = (rows: 0, count: 0)
    let oldestLeft = line.fill(&load, now, settings) { item, payload in
      gone.rows += item.rows
      gone.count += 1
      body(item, payload)
    }
    rows -= gone.rows
    count -= gone.count
    return oldestLeft && line === oldest
  }

  /// Removes all, in order of arrival.
  mutating func removeAll(_ body: (BatchItem, Payload) -> Void) {
    var all: [(item: BatchItem, payload: Payload)] = []
    for line in lines.all { line.remove(where: { _, _ in true }) { all.append(($0, $1)) } }
    (rows, count) = (0, 0)
    // What one group has is in order already; the sort is stable.
    for (item, payload) in all.sorted(by: { $0.item.arrival < $1.item.arrival }) { body(item, payload) }
  }

  /// Removes the requests for which `shouldLeave` holds and gives them to `body`; the others keep their order.
  /// - Complexity: O(requests waiting).
  mutating func remove(where shouldLeave: (Payload) -> Bool, _ body: (Payload) -> Void) {
    remove(whereItem: { _, payload in shouldLeave(payload) }, body)
  }

  private mutating func remove(whereItem shouldLeave: (BatchItem, Payload) -> Bool, _ body: (Payload) -> Void) {
    var gone = (rows: 0, count: 0)
    for line in lines.all {
      line.remove(where: shouldLeave) { item, payload in
        gone.rows += item.rows
        gone.count += 1
        body(payload)
      }
    }
    rows -= gone.rows
    count -= gone.count
  }
}
