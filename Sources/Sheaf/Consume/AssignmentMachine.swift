import SheafKafka

/// Decides what a rebalance, a lost assignment and a shutdown ask of the consume thread. Pure: time is an argument.
///
///     steady ──revoked──► draining ──emptied or bound──► committing ──answered or bound──► steady
///     steady ──stop─────► draining ─────────…──────────► committing ─────────…───────────► closing
///
/// A drain is a state in which polling goes on: nothing more of the leaving partitions is started, running batches end, their
/// outcomes are acknowledged and committed, and only then is the rebalance answered. Revoked subsets (cooperative) and whole
/// assignments (eager) take the same way.
struct AssignmentMachine {
  enum Phase: Equatable {
    case steady
    /// Waits for the tickets of `leaving`.
    case draining(until: Nanoseconds)
    /// Waits for the answer to the last commit of `leaving`.
    case committing(until: Nanoseconds)
    /// Has let go of everything; waits for the client to leave the group.
    case closing
  }

  enum Action: Equatable {
    /// Find where these begin, then answer the assign event; none: answer it at once.
    case open([TopicPartition])
    /// Bar these, and give back what waits of them.
    case withdraw([TopicPartition])
    /// Commit what is settled of these, then report `committed`.
    case commit([TopicPartition])
    /// Forget these.
    case letGo([TopicPartition])
    /// Answer the revoke event.
    case answer([TopicPartition])
    /// Leave the group.
    case close
  }

  private(set) var phase = Phase.steady
  private(set) var owned: [TopicPartition] = []
  /// The partitions being drained.
  private(set) var leaving: [TopicPartition] = []
  /// Revoke events that wait for their drain, oldest first.
  private var unanswered: [[TopicPartition]] = []
  private(set) var isStopping = false
  /// How long a drain may take in all; a fifth of it is kept for the last commit.
  private let bound: Nanoseconds

  /// - Parameter bound: nanoseconds from a revoke or stop to letting go.
  init(bound: Nanoseconds) { self.bound = bound }

  /// When `passed(_:)` is to be called at the latest.
  var deadline: Nanoseconds? {
    switch phase {
    case .draining(let until), .committing(let until): until
    case .steady, .closing: nil
    }
  }

  mutating func assigned(_ partitions: [TopicPartition]) -> [Action] {
    // What comes while leaving is declined.
    if isStopping { return [.open([])] }
    owned += partitions
    return [.open(partitions)]
  }

  mutating func revoked(_ partitions: [TopicPartition], lost: Bool, now: Nanoseconds) -> [Action] {
    if lost || phase == .closing {
      let gone = partitions.filter(owned.contains)
      owned.removeAll(where: partitions.contains)
      leaving.removeAll(where: partitions.contains)
      var actions: [Action] = gone.isEmpty ? [] : [.withdraw(gone), .letGo(gone)]
      guard leaving.isEmpty, phase != .closing else { return actions + [.answer(partitions)] }
      // A drain that was under way has nothing left to wait for, and neither have the events that waited for it.
      for index in unanswered.indices { unanswered[index].removeAll(where: partitions.contains) }
      actions += answers() + [.answer(partitions)]
      return actions + settleDown(now)
    }
    unanswered.append(partitions)
    // Of a shutdown's drain everything is leaving already.
    let new = partitions.filter { !leaving.contains($0) }
    if phase != .steady, new.isEmpty { return [] }
    return drain(new, now)
  }

  mutating func stop(now: Nanoseconds) -> [Action] {
    guard !isStopping else { return [] }
    isStopping = true
    return phase == .steady ? drain(owned, now) : []
  }

  /// No ticket of `leaving` is out any more.
  mutating func emptied(now: Nanoseconds) -> [Action] {
    guard case .draining(let until) = phase else { return [] }
    phase = .committing(until: until + bound / 5)
    return [.commit(leaving)]
  }

  /// The last commit of `leaving` was answered, or there was nothing to commit.
  mutating func committed(now: Nanoseconds) -> [Action] {
    guard case .committing = phase else { return [] }
    let gone = leaving
    owned.removeAll(where: gone.contains)
    leaving = []
    var actions: [Action] = gone.isEmpty ? [] : [.letGo(gone)]
    actions += answers()
    return actions + settleDown(now)
  }

  /// Time has passed; where a bound is reached, what is settled is committed and the rest is let go.
  mutating func passed(_ now: Nanoseconds) -> [Action] {
    switch phase {
    case .draining(let until) where now >= until: emptied(now: now)
    case .committing(let until) where now >= until: committed(now: now)
    default: []
    }
  }

  private mutating func drain(_ partitions: [TopicPartition], _ now: Nanoseconds) -> [Action] {
    leaving += partitions
    // What joins a drain shares its bound: the first event has waited since then.
    let until = now + bound - bound / 5
    switch phase {
    case .draining(let earlier): phase = .draining(until: min(until, earlier))
    case .committing(let earlier): phase = .draining(until: min(until, earlier - min(earlier, bound / 5)))
    case .steady, .closing: phase = .draining(until: until)
    }
    return partitions.isEmpty ? [] : [.withdraw(partitions)]
  }

  private mutating func answers() -> [Action] {
    defer { unanswered = [] }
    return unanswered.map { .answer($0) }
  }

  private mutating func settleDown(_ now: Nanoseconds) -> [Action] {
    if !isStopping {
      phase = .steady
      return []
    }
    // A stop that came during a rebalance: what is still owned has its own drain.
    if !owned.isEmpty {
      phase = .steady
      return drain(owned, now)
    }
    phase = .closing
    return [.close]
  }
}
