import SheafKafka

/// Exactly once: outcomes and the offsets they answer for are committed together.
///
/// The one thread that uses the producer's transactional calls, all of which block. An outcome enters a transaction only when
/// every earlier record of its partition is in the same or an earlier one, so the offsets sent along never skip a record. What was
/// kept is sent again after an abort, as far as its partition is still owned; nothing is read again.
///
///     closed ──an outcome is ready──► open ──interval, drain──► offsets sent, committed ──► closed
///                                      │                              │ abortable
///                                      └────── not owned any more ────┴──► aborted, back-off ──► closed
final class TransactionSender {
  private let sink: KafkaSink
  private let outbox: Outbox
  private let source: any Source
  private let writer: KafkaWriter
  private let outgoing = Outgoing()

  private let turns: Turns
  /// Next in turn, not in a transaction.
  private var ready: [Answered] = []
  private var isInitialised = false
  /// The producer did not take some outcome of the open transaction, which so may not be committed.
  private var isIncomplete = false
  /// In the open transaction, in order; empty: none is open.
  private var open: [Answered] = []
  /// A drain waits for what is ready or open: it is committed at once.
  private var isUrgent = false
  /// When the open transaction is committed at the latest.
  private var due: Nanoseconds = 0
  private var lastCommit: Nanoseconds = 0
  /// After an abort nothing is begun before this time.
  private var notBefore: Nanoseconds = 0
  /// Attempts since something last succeeded.
  private var attempts = 0
  private static let backOff = BackOff(first: 20_000_000, most: 1_000_000_000)

  init(_ sink: KafkaSink, _ outbox: Outbox) {
    self.sink = sink
    self.outbox = outbox
    source = sink.source
    turns = Turns(sink.source, outbox)
    writer = KafkaWriter(sink, .kept(outbox))
  }

  func run() {
    while let taken = outbox.take(until: wakeAt, isMoving: !ready.isEmpty || !open.isEmpty) {
      turns.sort(taken.entries, into: &ready)
      isUrgent = isUrgent || taken.isHurried
      do throws(TransactionError) {
        // At once, and not with the first outcome: it ends what a predecessor of the same id left open, which the consumer may be
        // waiting for.
        if !isInitialised, monotonicNow() >= notBefore { try initialise() }
        guard isInitialised else { continue }
        try begin()
        if !open.isEmpty, isUrgent || monotonicNow() >= due { try commit() }
        if open.isEmpty, ready.isEmpty { isUrgent = false }
      } catch {
        guard recover(error) else { break }
      }
    }
    if !open.isEmpty { try? sink.producer.abortTransaction() }
    for entry in open + ready { entry.release() }
    turns.end()
  }

  private var wakeAt: Nanoseconds? {
    if !isInitialised { return notBefore }
    if !open.isEmpty { return isUrgent ? 0 : due }
    return ready.isEmpty ? nil : notBefore
  }

  private func initialise() throws(TransactionError) {
    do throws(TransactionError) {
      try sink.producer.initTransactions(timeout: 10_000)
      isInitialised = true
    } catch {
      if error.isRetriable { sink.configuration.log("kafka: transactions cannot begin yet: \(error)") }
      throw error
    }
  }

  // MARK: A transaction

  /// Sends what is ready, in a new transaction where none is open.
  private func begin() throws(TransactionError) {
    let now = monotonicNow()
    guard !ready.isEmpty, now >= notBefore else { return }
    if open.isEmpty {
      try sink.producer.beginTransaction()
      due = max(now, lastCommit + sink.configuration.commitInterval)
    }
    let sending = ready
    ready = []
    for entry in sending {
      guard source.fence.owns(entry.ticket) else {
        turns.giveUp(entry)
        continue
      }
      send(entry)
      // Of a partition that drains.
      if !source.fence.admits(entry.ticket) { isUrgent = true }
      open.append(entry)
    }
    // All were given up: the transaction is empty.
    if open.isEmpty { try sink.producer.abortTransaction() }
  }

  /// Sends a record's outcomes. What the producer refuses is noted like a delivery that failed.
  private func send(_ entry: Answered) {
    let ticket = entry.ticket
    entry.forEach { kept in
      switch kept.send(by: sink, ticket, outgoing) {
      case .sent: return
      case .refused(let error): sink.noteUndelivered(ticket, kept.outcome, error)
      case .full, .abandoned: break
      }
      isIncomplete = true
    }
  }

  private func commit() throws(TransactionError) {
    // What the producer refused, it says nothing of when it commits.
    if isIncomplete { return try abort() }
    // The membership is taken before the fence is asked: where the fence still owns all of it, a rebalance that takes something
    // away is later than this membership, and brokers refuse it.
    guard let group = source.groupMetadata(), open.allSatisfy({ source.fence.owns($0.ticket) }) else { return try abort() }
    var last: [Int: Ticket] = [:]
    for entry in open { last[entry.ticket.slot] = entry.ticket }
    let offsets = last.values.map { (ticket: $0, place: source.offset(after: $0)) }
    try again { () throws(TransactionError) in try sink.producer.sendOffsets(offsets.map(\.place), of: group, timeout: 10_000) }
    try again { () throws(TransactionError) in try sink.producer.commitTransaction() }
    lastCommit = monotonicNow()
    attempts = 0
    source.committed(offsets.map { ($0.ticket, $0.place.offset) })
    for entry in open { outbox.release(entry) }
    open.map(\.ticket).withUnsafeBufferPointer { source.settle($0) }
    open = []
  }

  /// Makes a call again as long as it may be, and the worker goes on.
  private func again(_ call: () throws(TransactionError) -> Void) throws(TransactionError) {
    for attempt in 0... {
      do throws(TransactionError) {
        return try call()
      } catch {
        guard error.isRetriable, !error.requiresAbort, !outbox.isEnded else { throw error }
        if attempt == 0 { sink.configuration.log("kafka: the transaction waits: \(error)") }
        outbox.pause(until: monotonicNow() + TransactionSender.backOff.delay(attempt, random: .random(in: 0 ... .max)))
      }
    }
  }

  /// Ends the open transaction; what is still owned goes into the next, corrected where a delivery failed for good.
  private func abort() throws(TransactionError) {
    try again { () throws(TransactionError) in try sink.producer.abortTransaction() }
    isIncomplete = false
    putOff()
    for failure in sink.takeUndelivered() { correct(failure.ticket, failure.error) }
    ready = open + ready
    open = []
  }

  private func putOff() {
    notBefore = monotonicNow() + TransactionSender.backOff.delay(attempts, random: .random(in: 0 ... .max))
    attempts += 1
  }

  // MARK: What goes wrong

  /// - Returns: false where no transaction can follow.
  private func recover(_ error: TransactionError) -> Bool {
    do throws(TransactionError) {
      if error.isFatal { throw error }
      if !error.requiresAbort, error.isRetriable {
        putOff()
        return true
      }
      if !error.requiresAbort { throw error }
      sink.configuration.log("transaction of \(open.count) records aborted: \(error); they are sent again")
      try abort()
      return true
    } catch {
      let timeout = sink.configuration.kafka["transaction.timeout.ms"] ?? "\(ClientProperties.transactionTimeout)"
      let instance = sink.configuration.kafka["group.instance.id"].map { ", or there is another worker with group.instance.id \($0)" } ?? ""
      let fenced = "; the broker has aborted a transaction that was open for longer than transaction.timeout.ms, \(timeout) ms\(instance): what it held is answered by the next worker"
      sink.fail(WorkerError("kafka: transactions cannot go on: \(error)\(error.error.name == "_FENCED" ? fenced : "")"))
      return false
    }
  }

  /// Replaces what could not be delivered by something that can, where that is the record's fault.
  private func correct(_ ticket: Ticket, _ error: KafkaError) {
    let outcome = KafkaSink.Outcome(rawValue: ticket.outcome) ?? .reply
    switch DeliveryBlame(error.name, outcome) {
    case .passing: return
    case .worker: sink.fail(WorkerError("a reply could not be delivered: \(error)"))
    case .record(let code):
      if let problem = sink.sizeProblem(error) { return sink.fail(WorkerError(problem)) }
      guard let index = open.firstIndex(where: { $0.ticket == ticket.ofRecord }) else { return }
      let fault = RecordFault(code, expected: "a reply that its topic takes", came: "\(error)")
      let before = open[index].byteCount
      open[index] = writer.replacement(for: open[index], failed: outcome, fault, source.record(ticket))
      outbox.changed(by: open[index].byteCount - before)
      // Nothing stands in the way of the next try.
      notBefore = 0
      attempts = 0
    }
  }
}
