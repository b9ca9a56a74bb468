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
  /// A revoke event that is not answered yet.
  private var unanswered: [TopicPartition]?
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
      let letGo: [Action] = gone.isEmpty ? [] : [.withdraw(gone), .letGo(gone)]
      // A drain that was under way has nothing left to wait for.
      return letGo + [.answer(partitions)] + (leaving.isEmpty && phase != .closing ? settleDown(now) : [])
    }
    unanswered = partitions
    // Of a shutdown's drain everything is leaving already.
    if isStopping { return [] }
    return drain(partitions, now)
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
    if let unanswered {
      actions.append(.answer(unanswered))
      self.unanswered = nil
    }
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
    leaving = partitions
    phase = .draining(until: now + bound - bound / 5)
    return partitions.isEmpty ? [] : [.withdraw(partitions)]
  }

  private mutating func settleDown(_ now: Nanoseconds) -> [Action] {
    if !isStopping {
      phase = .steady
      return []
    }
    // A stop that came during a rebalance: what is still owned has its own drain.
    if !owned.isEmpty { return drain(owned, now) }
    phase = .closing
    return [.close]
  }
}
