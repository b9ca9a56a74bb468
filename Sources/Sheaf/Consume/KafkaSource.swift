import Glibc
import SheafKafka
import Synchronization

/// A member of a consumer group: the one thread that owns the consumer, the assignments and the commits.
///
/// It sleeps on one eventfd, written by librdkafka for its two queues and by our threads. Everything but `fence`, `ledger`,
/// `wakeup` and the atomics belongs to the consume thread.
final class KafkaSource: Source, @unchecked Sendable {  // Shared state is in the ledger, the fence and atomics; see above.
  // First, so that it is destroyed first: librdkafka writes to the wakeup's descriptor until then.
  let consumer: Consumer
  let fence = Fence()
  let configuration: WorkerConfiguration
  let wakeup = Wakeup()
  let ledger: Ledger
  private let samples = AcknowledgementSample()
  let stopRequested = Atomic(false)
  let isHeld = Atomic(false)
  let holds = Mutex(Holds())
  private var turns: Watchdog.Watch?
  let leavesMarks = Atomic(false)

  /// Told when a drain begins.
  private var drainBegins: (@Sendable () -> Void)?
  var machine: AssignmentMachine
  var assignments: [TopicPartition: Assignment] = [:]
  /// From librdkafka's topic object and partition to the assignment; emptied at every rebalance.
  var bySource: [SourceKey: Assignment] = [:]
  var topics: TopicNames
  let messages = UnsafeMutablePointer<Message>.allocate(capacity: Consumer.chunk)
  let entries = UnsafeMutablePointer<Ledger.Entry>.allocate(capacity: Consumer.chunk)
  /// A running mean of a message's bytes, to take no more of them than there is room for.
  var meanBytes = (interactive: 1024, bulk: 1024)

  var lastCommit: Nanoseconds = 0
  /// Commits whose answers have not come, oldest first.
  var commitsOut: [(isLast: Bool, generation: Int)] = []
  /// Counts assign events: an answer to a commit of an earlier one says nothing of the present.
  var generation = 0
  /// No commit before this time: one was refused for now.
  var noCommitBefore: Nanoseconds = 0
  /// The error that commits were refused with last, for now; 0: none.
  var commitWaitsFor: Int32 = 0
  /// Partitions to find the beginning of, once more at this time where the group's coordinator did not answer.
  var unopened: (partitions: [TopicPartition], retryAt: Nanoseconds)?
  /// An assign event was answered and no revoke has come since.
  var isAssigned = false
  /// When the last commit of a drain, refused for now, is tried again.
  var retryLastCommitAt: Nanoseconds?
  var lastCommitTries = 0
  /// Where a run until the end stops, by partition.
  var ends: [TopicPartition: Int64] = [:]
  /// Names this worker in the marks of its commits.
  let holder = UInt64.random(in: .min ... .max)
  /// Ends of what was suspect when partitions were assigned: this worker's own marks, found again, tell nothing of a crash.
  var suspects: [TopicPartition: Int64] = [:]
  /// Held when their topic was said to be gone, and not assigned since: the offset after the last record read, and the largest
  /// timestamp.
  var gone: [TopicPartition: (next: Int64, newest: Int64)] = [:]
  /// Some assignment may have suspects that are not settled.
  var hasSuspects = false
  /// Partitions of each topic when it was first seen, where `start` is latest.
  var partitionCounts: [String: Int] = [:]
  let pollInterval: Nanoseconds
  let drainBound: Nanoseconds
  /// When the stop was first seen.
  var stoppedAt: Nanoseconds?
  /// `KnownHeader.names`.
  let knownNames = UnsafeMutableBufferPointer<StaticString>.allocate(capacity: KnownHeader.names.count)

  struct SourceKey: Hashable {
    var topic: OpaquePointer?
    var partition: Int32
  }

  init(_ configuration: WorkerConfiguration) throws {
    self.configuration = configuration
    let maxPoll = Nanoseconds(configuration.kafka["max.poll.interval.ms"].flatMap { Int($0) }.flatMap { (1...86_400_000).contains($0) ? $0 : nil } ?? 300_000) * 1_000_000
    pollInterval = maxPoll / 3
    drainBound = min(configuration.drainTimeout, maxPoll / 3)
    machine = AssignmentMachine(bound: drainBound)
    topics = TopicNames()
    let inside = configuration.limits.inside, wakeup = wakeup
    ledger = Ledger(bounds: .init(records: inside.records, bytes: inside.bytes, span: configuration.limits.span), hasBulk: !configuration.topics.bulk.isEmpty, wakesWhenEmpty: configuration.untilEnd) { wakeup.wake() }
    _ = knownNames.initialize(from: KnownHeader.names)
    consumer = try Consumer(ClientProperties.consumer(configuration), wakeup: wakeup.descriptor)
  }

  deinit {
    // librdkafka waits for every message before it lets a client go; a drain that missed its bound leaves some.
    for kept in ledger.remains() { Message.destroy(Message.Handle(bitPattern: kept)!) }
    for assignment in assignments.values { dropAside(assignment) }
    messages.deallocate()
    entries.deallocate()
    knownNames.deallocate()
  }

  // MARK: The consume thread

  func run(_ intake: any Intake) throws {
    // Both hold this source.
    defer { (turns, drainBegins) = (nil, nil) }
    do {
      try consume(intake)
    } catch {
      // Nothing more is begun: what waits is given back, and others answer it.
      for assignment in assignments.values { fence.bar(slot: assignment.slot) }
      intake.withdrawBarred()
      commitSettled()
      leave()
      throw error
    }
  }

  /// After a fault: leaves the group, so that it need not wait for this member's session to end; within two seconds.
  private func leave() {
    consumer.beginClose()
    let until = monotonicNow() + 2_000_000_000
    while !consumer.isClosed, monotonicNow() < until {
      switch consumer.nextEvent() {
      case .assign: try? consumer.assign([])
      case .revoke(let partitions, _): try? answer(partitions)
      case nil: wakeup.wait(until: until)
      default: break
      }
    }
  }

  func consume(_ intake: any Intake) throws {
    if configuration.kafka["partition.assignment.strategy"]?.hasPrefix("cooperative") == true, librdkafkaVersionNumber() < 0x020a_0000 {
      configuration.log("librdkafka \(librdkafkaVersion()): a commit during a cooperative join loses the assignment, so some records are answered twice; use 2.10 or newer, or the assignor range")
    }
    try consumer.subscribe(configuration.topics.requests + configuration.topics.bulk)
    var closeDeadline: Nanoseconds?
    turns?.begin()
    defer { turns?.end() }
    while !consumer.isClosed {
      while let event = consumer.nextEvent() { try handle(event, intake) }
      let now = monotonicNow()
      if let closeDeadline, now >= closeDeadline { break }  // The broker is gone; the group will notice.
      if stopRequested.load(ordering: .acquiring) {
        stoppedAt = stoppedAt ?? now
        try perform(machine.stop(now: now), intake)
      }
      try advance(now, intake)
      if machine.phase == .closing, closeDeadline == nil { closeDeadline = now + leaveTimeout(now) }
      try take(intake)
      try commitIfDue(now)
      turns?.end()
      wakeup.wait(until: [now + pollInterval, machine.deadline, closeDeadline, commitDue, unopened?.retryAt, retryLastCommitAt].compactMap(\.self).min()!)
      turns?.begin()
    }
  }

  func handle(_ event: Consumer.Event, _ intake: any Intake) throws {
    switch event {
    case .assign(let partitions): try perform(machine.assigned(partitions), intake)
    case .revoke(let partitions, let lost):
      isAssigned = false
      configuration.log("revoked \(describe(partitions))\(lost ? ", lost" : "")")
      isLosing = lost
      defer { isLosing = false }
      try perform(machine.revoked(partitions, lost: lost, now: monotonicNow()), intake)
    case .committed(let offsets, let error): try committed(offsets, error, intake)
    case .statistics(let json): configuration.statistics?(json)
    case .error(let error):
      if error.isFatal { throw WorkerError("kafka: \(error)\(advice(error))") }
      configuration.log("kafka: \(error)")
      // A topic that is gone: where it is created again, a commit of the old one's offsets would skip records of the new.
      if error.name == "UNKNOWN_TOPIC_OR_PART" {
        let gone = assignments.values.filter { error.message.contains(": \($0.partition.topic): ") }
        for assignment in gone { self.gone[assignment.partition] = (assignment.next, assignment.newest) }
        lose(gone, intake)
      }
    }
  }

  /// These are no longer this member's: nothing more of them is begun or committed. Their revoke is still to come.
  func lose(_ lost: [Assignment], _ intake: any Intake) {
    guard lost.contains(where: { !$0.isLost }) else { return }
    for assignment in lost where !assignment.isLost {
      assignment.isLost = true
      assignment.leaving = true
      fence.end(slot: assignment.slot)
      consumer.hold(assignment.partition, true)
      dropAside(assignment)
    }
    intake.withdrawBarred()
  }

  func advance(_ now: Nanoseconds, _ intake: any Intake) throws {
    if let unopened, now >= unopened.retryAt { try open(unopened.partitions) }
    if case .draining = machine.phase, ledger.outstanding(machine.leaving.compactMap { assignments[$0]?.slot }) == 0 {
      try perform(machine.emptied(now: now), intake)
    }
    if let retryAt = retryLastCommitAt, now >= retryAt {
      retryLastCommitAt = nil
      if case .committing = machine.phase { try perform([.commit(machine.leaving)], intake) }
    }
    try perform(machine.passed(now), intake)
    holdTopics()
    releaseHeld(intake)
    if hasSuspects { reviewSuspects(intake) }
  }

  func perform(_ actions: [AssignmentMachine.Action], _ intake: any Intake) throws {
    for action in actions {
      switch action {
      case .open(let partitions): try open(partitions)
      case .withdraw(let partitions):
        for case let assignment? in partitions.map({ assignments[$0] }) {
          assignment.leaving = true
          fence.bar(slot: assignment.slot)
          consumer.hold(assignment.partition, true)
          dropAside(assignment)
        }
        try decline(partitions)
        intake.withdrawBarred()
        drainBegins?()
      case .commit(let partitions):
        let offsets = commitable(partitions.compactMap { assignments[$0] }, isLast: true)
        if offsets.isEmpty || (try? consumer.commit(offsets)) == nil {
          try perform(machine.committed(now: monotonicNow()), intake)
        } else {
          commitsOut.append((true, generation))
        }
      case .letGo(let partitions):
        var unsettled = 0, uncommitted: Int64 = 0
        // An answer that comes later is not about the next drain.
        for index in commitsOut.indices { commitsOut[index].isLast = false }
        retryLastCommitAt = nil
        lastCommitTries = 0
        for partition in partitions {
          guard let assignment = assignments.removeValue(forKey: partition) else { continue }
          noteTransactions([assignment])
          let state = ledger.state(slot: assignment.slot)
          unsettled += state.outstanding
          if let committed = assignment.committed { uncommitted += max(0, state.committable - committed) }
          fence.end(slot: assignment.slot)
          ledger.close(slot: assignment.slot)
        }
        bySource = [:]
        countAssigned()
        if unsettled > 0 || uncommitted > 0 {
          let words = "\(unsettled) records unsettled and \(uncommitted) answered but not committed"
          configuration.log("let go of \(describe(partitions)) with \(words); their next owner answers them again")
          if machine.isStopping { missedAtEnd = (isLosing ? "partitions were lost to the group during the drain, with " : "the drain missed its bound with ") + words }
        }
      case .answer(let partitions): try answer(partitions)
      case .close: consumer.beginClose()
      }
    }
  }

  /// Answers a revoke event. What librdkafka does not count as assigned (any more) cannot be unassigned; the event still wants an
  /// answer.
  func answer(_ partitions: [TopicPartition]) throws {
    do {
      try consumer.unassign(partitions)
    } catch let error as KafkaError where !error.isFatal {
      configuration.log("kafka: cannot unassign \(describe(partitions)): \(error)")
      try consumer.unassign([])
    }
  }

  func advice(_ error: KafkaError) -> String {
    guard error.name == "FENCED_INSTANCE_ID" || error.name == "_FENCED" || error.name == "UNRELEASED_INSTANCE_ID", let id = configuration.kafka["group.instance.id"] else { return "" }
    return "; another member has joined with group.instance.id \(id): give each worker its own"
  }

  /// How long leaving the group may take: what is left of the drain's bound, so that a stop without a broker ends in time.
  func leaveTimeout(_ now: Nanoseconds) -> Nanoseconds {
    let end = (stoppedAt ?? now) + drainBound
    return min(5_000_000_000, max(1_000_000_000, end > now ? end - now : 0))
  }

  var missedAtEnd: String?
  /// The revoke that is looked at takes away what the group has given to others already.
  private var isLosing = false
  var hasUnsettled: Bool { ledger.hasOutstanding }

  // MARK: Any thread

  func wake() { wakeup.wake() }

  func stop() {
    stopRequested.store(true, ordering: .releasing)
    wakeup.wake()
  }

  func leaveMarked() { leavesMarks.store(true, ordering: .releasing) }

  func sample(_ ticket: Ticket, now: Nanoseconds) { samples.begin(ticket, now: now) }
  func onSample(_ body: @escaping @Sendable (Nanoseconds) -> Void) { samples.told = body }

  func settle(_ tickets: UnsafeBufferPointer<Ticket>) {
    samples.settled(tickets)
    withUnsafeTemporaryAllocation(of: UInt.self, capacity: tickets.count) { kept in
      destroy(kept.baseAddress!, ledger.settle(tickets, returned: kept.baseAddress!))
    }
  }

  func release(_ tickets: UnsafeBufferPointer<Ticket>) {
    withUnsafeTemporaryAllocation(of: UInt.self, capacity: tickets.count) { kept in
      destroy(kept.baseAddress!, ledger.release(tickets, returned: kept.baseAddress!))
    }
  }

  func destroy(_ kept: UnsafeMutablePointer<UInt>, _ count: Int) {
    for index in 0..<count { Message.destroy(Message.Handle(bitPattern: kept[index])!) }
  }

  func record(_ ticket: Ticket) -> Record {
    let message = Message(Message.Handle(bitPattern: ledger.kept(ticket))!)
    return Record(
      ticket: ticket.ofRecord, topic: topics.index(message.topicName), partition: message.partition, offset: message.offset, timestamp: message.timestamp,
      arrival: 0, key: message.key, value: message.value,
      headers: headers(message))
  }

  func headers(_ message: Message) -> Headers {
    guard let list = message.headers else { return .none }
    return Headers(handle: UnsafeRawPointer(list), lookup: Message.lastHeader, present: KnownHeader.present(message.headersPresent(UnsafeBufferPointer(knownNames))))
  }

  func watch(by watch: Watchdog.Watch) { turns = watch }

  func onDrain(_ body: @escaping @Sendable () -> Void) { drainBegins = body }

  func count(kept bytes: Int) { ledger.count(kept: bytes) }

  func groupMetadata() -> GroupMetadata? { consumer.groupMetadata() }

  func offset(after ticket: Ticket) -> PartitionOffset {
    let message = Message(Message.Handle(bitPattern: ledger.kept(ticket))!)
    return PartitionOffset(TopicPartition(message.topicName, message.partition), ledger.next(after: ticket), metadata: metadata(begun: ledger.proposeMark(slot: ticket.slot)))
  }

  func committed(_ offsets: [(ticket: Ticket, offset: Int64)]) {
    ledger.committed(offsets)
    wakeup.wake()  // Records may wait for the marks.
  }

  func require(_ outcomes: UInt8, _ ticket: Ticket) { ledger.require(outcomes, ticket) }

  var counts: (inside: Int, bytes: Int, taken: Int, settled: Int) { ledger.counts }

  var bulkInside: Int { ledger.bulkInside }

  func topicName(_ topic: Int32) -> String { topics.name(topic) }
}

func describe(_ partitions: [TopicPartition]) -> String {
  partitions.isEmpty ? "no partitions" : partitions.map(\.description).sorted().joined(separator: " ")
}
