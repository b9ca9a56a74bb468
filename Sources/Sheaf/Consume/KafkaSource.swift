import Glibc
import SheafKafka
import Synchronization

/// A member of a consumer group: the one thread that owns the consumer, the assignments and the commits.
///
/// It sleeps on one eventfd, written by librdkafka for its two queues and by our threads. Everything but `fence`, `ledger`,
/// `wakeup` and the atomics belongs to the consume thread.
final class KafkaSource: Source, @unchecked Sendable {  // Shared state is in the ledger, the fence and atomics; see above.
  // First, so that it is destroyed first: librdkafka writes to the wakeup's descriptor until then.
  private let consumer: Consumer
  let fence = Fence()
  private let configuration: WorkerConfiguration
  private let wakeup = Wakeup()
  let ledger: Ledger
  private let stopRequested = Atomic(false)

  private var machine: AssignmentMachine
  private var assignments: [TopicPartition: Assignment] = [:]
  /// From librdkafka's topic object and partition to the assignment; emptied at every rebalance.
  private var bySource: [SourceKey: Assignment] = [:]
  private var topics: TopicNames
  private let messages = UnsafeMutablePointer<Message>.allocate(capacity: Consumer.chunk)
  private let entries = UnsafeMutablePointer<Ledger.Entry>.allocate(capacity: Consumer.chunk)
  /// A running mean of a message's bytes, to take no more of them than there is room for.
  private var meanBytes = 1024

  private var lastCommit: Nanoseconds = 0
  /// Commits whose answers have not come, oldest first.
  private var commitsOut: [(isLast: Bool, generation: Int)] = []
  /// Counts assign events: an answer to a commit of an earlier one says nothing of the present.
  private var generation = 0
  /// No commit before this time: one was refused for now.
  private var noCommitBefore: Nanoseconds = 0
  /// Partitions to find the beginning of, once more at this time where the group's coordinator did not answer.
  private var unopened: (partitions: [TopicPartition], retryAt: Nanoseconds)?
  /// An assign event was answered and no revoke has come since.
  private var isAssigned = false
  /// When the last commit of a drain, refused for now, is tried again.
  private var retryLastCommitAt: Nanoseconds?
  private var lastCommitTries = 0
  /// Where a run until the end stops, by partition.
  private var ends: [TopicPartition: Int64] = [:]
  private let pollInterval: Nanoseconds
  /// Names of `KnownHeader`, in order.
  private let knownNames = UnsafeMutableBufferPointer<StaticString>.allocate(capacity: KnownHeader.allCases.count)

  private final class Assignment {
    let partition: TopicPartition
    let topic: Int32
    let slot: Int
    var committed: Int64?
    var leaving = false
    /// The group has given it away: nothing of it may be committed.
    var isLost = false
    var held = false
    /// What of a held partition was queued already: kept here until the span has shrunk.
    var aside: [Message] = []
    /// The end of the partition, seen while records were kept aside.
    var endSeen: Int64?

    init(_ partition: TopicPartition, topic: Int32, slot: Int, committed: Int64?) {
      self.partition = partition
      self.topic = topic
      self.slot = slot
      self.committed = committed
    }
  }

  private struct SourceKey: Hashable {
    var topic: OpaquePointer?
    var partition: Int32
  }

  init(_ configuration: WorkerConfiguration) throws {
    self.configuration = configuration
    let maxPoll = Nanoseconds(configuration.kafka["max.poll.interval.ms"].flatMap { Int($0) }.flatMap { (1...86_400_000).contains($0) ? $0 : nil } ?? 300_000) * 1_000_000
    pollInterval = maxPoll / 3
    machine = AssignmentMachine(bound: min(configuration.drainTimeout, maxPoll / 3))
    topics = TopicNames()
    let inside = configuration.limits.inside, wakeup = wakeup
    ledger = Ledger(bounds: .init(records: inside.records, bytes: inside.bytes, span: configuration.limits.span), wakesWhenEmpty: configuration.untilEnd) { wakeup.wake() }
    _ = knownNames.initialize(from: KnownHeader.allCases.map(\.name))
    consumer = try Consumer(ClientProperties.consumer(configuration), wakeup: wakeup.descriptor)
  }

  deinit {
    // librdkafka waits for every message before it lets a client go; a drain that missed its bound leaves some.
    for kept in ledger.remains() { Message.destroy(Message.Handle(bitPattern: kept)!) }
    for assignment in assignments.values { drop(assignment.aside) }
    messages.deallocate()
    entries.deallocate()
    knownNames.deallocate()
  }

  // MARK: The consume thread

  func run(_ intake: any Intake) throws {
    do {
      try consume(intake)
    } catch {
      // Nothing more is begun: what waits is given back, and others answer it.
      for assignment in assignments.values { fence.bar(slot: assignment.slot) }
      intake.withdrawBarred()
      throw error
    }
  }

  private func consume(_ intake: any Intake) throws {
    try consumer.subscribe(configuration.topics.requests)
    var closeDeadline: Nanoseconds?
    while !consumer.isClosed {
      while let event = consumer.nextEvent() { try handle(event, intake) }
      let now = monotonicNow()
      if let closeDeadline, now >= closeDeadline { break }  // The broker is gone; the group will notice.
      if stopRequested.load(ordering: .acquiring) { try perform(machine.stop(now: now), intake) }
      try advance(now, intake)
      if machine.phase == .closing, closeDeadline == nil { closeDeadline = now + 5_000_000_000 }
      try take(intake)
      try commitIfDue(now)
      wakeup.wait(until: [now + pollInterval, machine.deadline, closeDeadline, commitDue, unopened?.retryAt, retryLastCommitAt].compactMap(\.self).min()!)
    }
  }

  private func handle(_ event: Consumer.Event, _ intake: any Intake) throws {
    switch event {
    case .assign(let partitions): try perform(machine.assigned(partitions), intake)
    case .revoke(let partitions, let lost):
      isAssigned = false
      configuration.log("revoked \(describe(partitions))\(lost ? ", lost" : "")")
      try perform(machine.revoked(partitions, lost: lost, now: monotonicNow()), intake)
    case .committed(let offsets, let error): try committed(offsets, error, intake)
    case .statistics(let json): configuration.statistics?(json)
    case .error(let error):
      if error.isFatal { throw WorkerError("kafka: \(error)") }
      configuration.log("kafka: \(error)")
    }
  }

  private func advance(_ now: Nanoseconds, _ intake: any Intake) throws {
    if let unopened, now >= unopened.retryAt { try open(unopened.partitions) }
    if case .draining = machine.phase, ledger.outstanding(machine.leaving.compactMap { assignments[$0]?.slot }) == 0 {
      try perform(machine.emptied(now: now), intake)
    }
    if let retryAt = retryLastCommitAt, now >= retryAt {
      retryLastCommitAt = nil
      if case .committing = machine.phase { try perform([.commit(machine.leaving)], intake) }
    }
    try perform(machine.passed(now), intake)
    releaseHeld(intake)
  }

  private func perform(_ actions: [AssignmentMachine.Action], _ intake: any Intake) throws {
    for action in actions {
      switch action {
      case .open(let partitions): try open(partitions)
      case .withdraw(let partitions):
        for case let assignment? in partitions.map({ assignments[$0] }) {
          assignment.leaving = true
          fence.bar(slot: assignment.slot)
          consumer.hold(assignment.partition, true)
          drop(assignment.aside)
          assignment.aside = []
        }
        intake.withdrawBarred()
      case .commit(let partitions):
        let offsets = commitable(partitions.compactMap { assignments[$0] })
        if offsets.isEmpty || (try? consumer.commit(offsets)) == nil {
          try perform(machine.committed(now: monotonicNow()), intake)
        } else {
          commitsOut.append((true, generation))
        }
      case .letGo(let partitions):
        var unsettled = 0, uncommitted: Int64 = 0
        for partition in partitions {
          unopened?.partitions.removeAll { $0 == partition }
          if unopened?.partitions.isEmpty == true { unopened = nil }
          guard let assignment = assignments.removeValue(forKey: partition) else { continue }
          let state = ledger.state(slot: assignment.slot)
          unsettled += state.outstanding
          if let committed = assignment.committed { uncommitted += max(0, state.committable - committed) }
          ledger.close(slot: assignment.slot)
        }
        bySource = [:]
        if unsettled > 0 || uncommitted > 0 {
          let words = "\(unsettled) records unsettled and \(uncommitted) answered but not committed"
          configuration.log("let go of \(describe(partitions)) with \(words); their next owner answers them again")
          if machine.isStopping { missedAtEnd = words }
        }
        if unsettled > 0, machine.isStopping { hasUnsettled = true }
      case .answer(let partitions): try consumer.unassign(partitions)
      case .close: consumer.beginClose()
      }
    }
  }

  private(set) var missedAtEnd: String?
  private(set) var hasUnsettled = false

  // MARK: Beginning

  /// Finds where partitions begin (their committed offset, else the configured start, which is committed at once) and answers
  /// the assign event.
  private func open(_ partitions: [TopicPartition]) throws {
    unopened = nil
    // A pattern may match what the worker itself writes to.
    let written = [configuration.topics.replies, configuration.topics.deadLetters].compactMap(\.self) + configuration.topics.allowedReplies
    if let loop = partitions.first(where: { written.contains($0.topic) }) {
      throw WorkerError("topics.requests matches \(loop.topic), which this worker writes to: replies would be read as requests; narrow the pattern")
    }
    do {
      // nil: the group has no offset for the partition yet.
      var begins: [(place: PartitionOffset, committed: Int64?)] = []
      for found in partitions.isEmpty ? [] : try consumer.committed(partitions, timeout: 5000) {
        let committed = found.offset >= 0 ? found.offset : nil
        let needsMarks = committed == nil || configuration.untilEnd && ends[found.partition] == nil
        let marks = needsMarks ? try consumer.watermarks(found.partition, timeout: 5000) : (low: 0, high: 0)
        if configuration.untilEnd, ends[found.partition] == nil { ends[found.partition] = marks.high }
        let start = configuration.topics.start == .earliest ? marks.low : marks.high
        begins.append((PartitionOffset(found.partition, committed ?? start), committed))
      }
      for (place, committed) in begins {
        guard let (slot, epoch) = ledger.open(position: place.offset) else {
          throw WorkerError("more than \(Ticket.slots) partitions are assigned to this worker; start more workers")
        }
        assignments[place.partition] = Assignment(place.partition, topic: topics.index(place.partition.topic), slot: slot, committed: committed)
        fence.admit(slot: slot, epoch: epoch)
        // A start that the group does not know is committed at once.
        if committed == nil { ledger.advance(slot: slot, to: place.offset) }
      }
      bySource = [:]
      try consumer.assign(begins.map(\.place))
      isAssigned = true
      generation += 1
      configuration.log("assigned \(describe(partitions))")
      stopAtEnd()
    } catch let error as KafkaError where !error.isFatal {
      // The assign event stays unanswered, so nothing is read before the group's offsets are known.
      configuration.log("cannot read the group's offsets yet: \(error)")
      unopened = (partitions, monotonicNow() + 500_000_000)
    }
  }

  // MARK: Taking

  private func take(_ intake: any Intake) throws {
    while intake.hasRoom() {
      let room = ledger.room()
      let most = min(Consumer.chunk, room.records, room.bytes == 0 ? 0 : max(1, room.bytes / meanBytes))
      guard most > 0 else { return }
      let count = consumer.take(most, into: messages)
      guard count > 0 else { return }
      try sort(count, intake)
    }
  }

  /// Sends records on, takes note of notices, keeps aside what belongs to a held partition, and drops what is no longer ours.
  private func sort(_ count: Int, _ intake: any Intake) throws {
    var kept = 0, total = 0
    var last: (key: SourceKey, assignment: Assignment)?
    for index in 0..<count {
      let message = messages[index]
      let key = SourceKey(topic: message.topicHandle, partition: message.partition)
      let assignment: Assignment?
      if let last, last.key == key {
        assignment = last.assignment
      } else {
        assignment = find(key, message)
        if let assignment { last = (key, assignment) }
      }
      guard let assignment, !assignment.leaving else {
        Message.destroy(message.handle)
        continue
      }
      if message.errorCode != 0 {
        try notice(message, assignment)
        continue
      }
      if assignment.held {
        assignment.aside.append(message)
        continue
      }
      messages[kept] = message
      let bytes = message.byteCount
      entries[kept] = Ledger.Entry(slot: assignment.slot, offset: message.offset, kept: UInt(bitPattern: message.handle), bytes: bytes)
      total += bytes
      kept += 1
    }
    guard kept > 0 else { return }
    meanBytes = (meanBytes * 3 + total / kept + 4) / 4  // Rounded up, so never 0.
    handOn(kept, intake)
  }

  private func find(_ key: SourceKey, _ message: Message) -> Assignment? {
    if let known = bySource[key] { return known }
    let found = assignments[TopicPartition(message.topicName, message.partition)]
    if let found { bySource[key] = found }
    return found
  }

  /// Enters the first `count` of `messages` and `entries` in the ledger and sends them on.
  private func handOn(_ count: Int, _ intake: any Intake) {
    let entered = UnsafeMutableBufferPointer(start: entries, count: count)
    let isAtSpan = ledger.enter(entered)
    let chunk = intake.emptyChunk()
    let now = monotonicNow()
    var last: (slot: Int, topic: Int32) = (-1, 0)
    for index in 0..<count {
      let message = messages[index]
      let entry = entries[index]
      if entry.slot != last.slot { last = (entry.slot, topicIndex(message)) }
      (chunk.records + index).initialize(to: Record(
        ticket: entry.ticket, topic: last.topic, partition: message.partition, offset: message.offset, timestamp: message.timestamp, arrival: now,
        key: message.key, value: message.value, headers: headers(message)))
    }
    chunk.count = count
    intake.accept(chunk)
    guard isAtSpan else { return }
    for assignment in assignments.values where !assignment.held && !assignment.leaving && ledger.span(slot: assignment.slot) >= configuration.limits.span {
      assignment.held = ledger.hold(slot: assignment.slot)
      if assignment.held { consumer.hold(assignment.partition, true) }
    }
  }

  private func topicIndex(_ message: Message) -> Int32 {
    bySource[SourceKey(topic: message.topicHandle, partition: message.partition)]?.topic ?? topics.index(message.topicName)
  }

  /// Partitions whose span has shrunk go on: first what was kept aside, then their queue.
  private func releaseHeld(_ intake: any Intake) {
    for assignment in assignments.values where assignment.held && !assignment.leaving {
      while !ledger.hold(slot: assignment.slot), !assignment.aside.isEmpty {
        let count = min(Consumer.chunk, assignment.aside.count)
        for index in 0..<count {
          let message = assignment.aside[index]
          messages[index] = message
          entries[index] = Ledger.Entry(
            slot: assignment.slot, offset: message.offset, kept: UInt(bitPattern: message.handle), bytes: message.byteCount)
        }
        assignment.aside.removeFirst(count)
        handOn(count, intake)
      }
      guard assignment.aside.isEmpty, !ledger.hold(slot: assignment.slot) else { continue }
      assignment.held = false
      consumer.hold(assignment.partition, false)
      if let end = assignment.endSeen {
        assignment.endSeen = nil
        ledger.advance(slot: assignment.slot, to: end)
      }
    }
  }

  private func notice(_ message: Message, _ assignment: Assignment) throws {
    defer { Message.destroy(message.handle) }
    if message.isEndOfPartition {
      if assignment.aside.isEmpty { ledger.advance(slot: assignment.slot, to: message.offset) } else { assignment.endSeen = message.offset }
      return
    }
    guard let error = message.error else { return }
    if error.name == "_AUTO_OFFSET_RESET" || error.name == "OFFSET_OUT_OF_RANGE" {
      throw WorkerError("\(assignment.partition): offset \(message.offset) is not in the topic any more (\(error)); set the group's offset to one that is")
    }
    configuration.log("kafka: \(assignment.partition): \(error)")
  }

  private func drop(_ messages: [Message]) { for message in messages { Message.destroy(message.handle) } }

  // MARK: Committing

  /// When the next commit is due; nil: nothing to commit, or one is on its way.
  private var commitDue: Nanoseconds? {
    guard commitsOut.isEmpty, ledger.hasProgress else { return nil }
    // A run until the end waits for nothing more when nothing is inside.
    let due = configuration.untilEnd && ledger.counts.inside == 0 ? lastCommit : lastCommit + configuration.commitInterval
    return max(due, noCommitBefore)
  }

  private func commitIfDue(_ now: Nanoseconds) throws {
    guard let due = commitDue, now >= due else { return }
    lastCommit = now
    _ = ledger.takeProgress()
    let offsets = commitable(assignments.values.filter { !$0.leaving })
    guard !offsets.isEmpty else { return }
    try consumer.commit(offsets)
    commitsOut.append((false, generation))
  }

  private func commitable(_ assignments: [Assignment]) -> [PartitionOffset] {
    assignments.compactMap { assignment in
      if assignment.isLost { return nil }
      let offset = ledger.state(slot: assignment.slot).committable
      return offset == assignment.committed ? nil : PartitionOffset(assignment.partition, offset)
    }
  }

  private func committed(_ offsets: [PartitionOffset], _ error: KafkaError?, _ intake: any Intake) throws {
    let (isLast, asOf) = commitsOut.isEmpty ? (false, generation) : commitsOut.removeFirst()
    if asOf != generation {
      if isLast { try perform(machine.committed(now: monotonicNow()), intake) }
      return
    }
    var isDone = true
    for each in offsets {
      let code = each.errorCode != 0 ? each.errorCode : error?.code ?? 0
      switch CommitAnswer(code: code) {
      case .done: assignments[each.partition]?.committed = each.offset
      case .later:
        isDone = false
        ledger.markProgress()  // Tried again after the interval.
        noCommitBefore = monotonicNow() + configuration.commitInterval
      case .lost:
        if assignments.values.contains(where: { !$0.isLost }) { configuration.log("the group has expelled this member; waiting for its next assignment") }
        for assignment in assignments.values where !assignment.isLost {
          assignment.isLost = true
          assignment.leaving = true
          fence.bar(slot: assignment.slot)
          consumer.hold(assignment.partition, true)
        }
        intake.withdrawBarred()
      case .refused:
        throw WorkerError("commit of \(each.partition) refused: \(error.map { "\($0)" } ?? "error \(code)")")
      }
    }
    if isLast {
      // A join that is under way refuses for a moment. At a rebalance five tries have to do, since others wait for the answer; at
      // shutdown the drain's bound decides.
      lastCommitTries = isDone ? 0 : lastCommitTries + 1
      if isDone || !machine.isStopping && lastCommitTries >= 5 {
        lastCommitTries = 0
        try perform(machine.committed(now: monotonicNow()), intake)
      } else {
        retryLastCommitAt = monotonicNow() + 200_000_000
      }
    }
    stopAtEnd()
  }

  /// With `untilEnd`: stops once every assigned partition is committed up to where it ended at the start.
  private func stopAtEnd() {
    // Between a revoke and the next assignment there is nothing to go by.
    guard configuration.untilEnd, isAssigned, machine.phase == .steady else { return }
    let isDone = assignments.values.allSatisfy { assignment in
      guard let end = ends[assignment.partition], let committed = assignment.committed else { return false }
      return committed >= end
    }
    if isDone { stop() }
  }

  // MARK: Any thread

  func wake() { wakeup.wake() }

  func stop() {
    stopRequested.store(true, ordering: .releasing)
    wakeup.wake()
  }

  func settle(_ tickets: UnsafeBufferPointer<Ticket>) {
    withUnsafeTemporaryAllocation(of: UInt.self, capacity: tickets.count) { kept in
      destroy(kept.baseAddress!, ledger.settle(tickets, returned: kept.baseAddress!))
    }
  }

  func release(_ tickets: UnsafeBufferPointer<Ticket>) {
    withUnsafeTemporaryAllocation(of: UInt.self, capacity: tickets.count) { kept in
      destroy(kept.baseAddress!, ledger.release(tickets, returned: kept.baseAddress!))
    }
  }

  private func destroy(_ kept: UnsafeMutablePointer<UInt>, _ count: Int) {
    for index in 0..<count { Message.destroy(Message.Handle(bitPattern: kept[index])!) }
  }

  func record(_ ticket: Ticket) -> Record {
    let message = Message(Message.Handle(bitPattern: ledger.kept(ticket))!)
    return Record(
      ticket: Ticket(bits: ticket.bits & ~0xf),  // Of the record, not of one of its outcomes.
       topic: topics.index(message.topicName), partition: message.partition, offset: message.offset, timestamp: message.timestamp,
      arrival: 0, key: message.key, value: message.value,
      headers: headers(message))
  }

  private func headers(_ message: Message) -> Headers {
    guard let list = message.headers else { return .none }
    return Headers(handle: UnsafeRawPointer(list), lookup: Message.lastHeader, present: message.headersPresent(UnsafeBufferPointer(knownNames)))
  }

  func require(_ outcomes: UInt8, _ ticket: Ticket) { ledger.require(outcomes, ticket) }

  var counts: (inside: Int, bytes: Int, taken: Int, returned: Int) { ledger.counts }

  func topicName(_ topic: Int32) -> String { topics.name(topic) }
}

private func describe(_ partitions: [TopicPartition]) -> String {
  partitions.isEmpty ? "no partitions" : partitions.map(\.description).sorted().joined(separator: " ")
}
