import SheafKafka
import Synchronization

/// Produces outcomes and settles tickets by their delivery reports.
final class KafkaSink: Sink, @unchecked Sendable {  // Set once before the threads start, atomics, and what `monitor` protects.
  let producer: Producer
  let configuration: WorkerConfiguration
  let signature: Signature
  let modelName: String
  let source: any Source
  /// Called with what ends the worker; the first counts.
  let fail: @Sendable (WorkerError) -> Void

  private(set) var replies: Producer.Topic?
  private(set) var deadLetters: Producer.Topic?
  /// Topics that a header may name.
  private(set) var allowed: [String: Producer.Topic] = [:]
  /// How many partitions each topic had at the start, for outcomes that have to be right before they are sent.
  private var partitionCounts: [Producer.Topic: Int32] = [:]
  /// Key, value and headers of a message at most.
  let largestMessage: Int

  /// What sends kept outcomes, where the delivery asks for it.
  private let outbox: Outbox?
  private let threads = Mutex<[Thread]>([])

  private let monitor = Monitor()
  private var reportsSeen = 0
  private var waiting = 0
  private var abandoned = false
  private let stopping = Atomic(false)
  /// Of the one thread that handles deliveries that failed.
  private var sizesAsked: Nanoseconds = 0
  private var knownSizeProblem: String?
  /// A connection has failed since the last delivery report.
  private let isOutage = Atomic(false)
  /// Outcomes of the open transaction that failed for good, by ticket.
  private let undelivered = Mutex<[(ticket: Ticket, error: KafkaError)]>([])
  /// Records failed so far, and when that was last logged.
  private let failures = Mutex<(count: Int, logged: Nanoseconds)>((0, 0))

  /// Records answered with an error so far.
  var failed: Int { failures.withLock { $0.count } }

  /// Records answered with a NaN so far, and when that was last logged.
  private let notNumbers = Mutex<(count: Int, logged: Nanoseconds)>((0, 0))
  var withNaN: Int { notNumbers.withLock { $0.count } }

  /// Counts a record of which the model's answer is not a number; the log tells of it at most every ten seconds.
  func noteNaN(_ record: Record) {
    guard let count = KafkaSink.count(notNumbers) else { return }
    configuration.log(
      "\(count) records so far had an answer with NaN (not a number) in it, now \(source.topicName(record.topic))/\(record.partition) offset \(record.offset); \(configuration.failsNaN ? "they are failed, as models.nan says" : "in JSON it is null; models.nan: fail would fail such records")")
  }

  /// Adds one. - Returns: how many there are, at most every ten seconds.
  private static func count(_ counter: borrowing Mutex<(count: Int, logged: Nanoseconds)>) -> Int? {
    let now = monotonicNow()
    return counter.withLock { state in
      state.count += 1
      guard state.logged == 0 || now - state.logged >= 10_000_000_000 else { return nil }
      state.logged = now
      return state.count
    }
  }

  /// Counts a failed record; the log tells of it at most every ten seconds.
  func noteFailure(_ record: Record, _ fault: RecordFault) {
    guard let count = KafkaSink.count(failures) else { return }
    configuration.log(
      "\(count) records failed so far, now \(source.topicName(record.topic))/\(record.partition) offset \(record.offset): \(fault.code.rawValue): expected \(fault.expected), came \(fault.came)")
  }

  /// Which outcome of a record a delivery report is about, carried in the ticket.
  enum Outcome: UInt8 {
    case reply = 0
    /// A reply to a topic that the request named.
    case routedReply
    case errorReply
    case deadLetter
    /// The same without what made it too large: no key, short headers, a cut value.
    case reducedErrorReply
    case reducedDeadLetter
    /// Of the value nothing either.
    case emptyDeadLetter

    /// What is sent in its place where it is too large; nil: nothing is left to leave out.
    var reduced: Outcome? {
      switch self {
      case .errorReply: .reducedErrorReply
      case .deadLetter: .reducedDeadLetter
      case .reducedDeadLetter: .emptyDeadLetter
      case .reply, .routedReply, .reducedErrorReply, .emptyDeadLetter: nil
      }
    }
  }

  init(_ configuration: WorkerConfiguration, model: any Model, source: any Source, fail: @escaping @Sendable (WorkerError) -> Void) throws {
    self.configuration = configuration
    self.signature = model.signature
    self.modelName = model.name
    self.source = source
    self.fail = fail
    largestMessage = (configuration.kafka["message.max.bytes"].flatMap { Int($0) } ?? 1_000_000) - 512  // Less what a batch's head takes.
    producer = try Producer(ClientProperties.producer(configuration))
    outbox = configuration.keepsOutcomes ? Outbox(bound: configuration.limits.bytes / 2) { source.count(kept: $0) } : nil
  }

  func open(_ partitions: [String: Int]) throws {
    func open(_ name: String) throws -> Producer.Topic {
      let topic = try producer.topic(name)
      partitionCounts[topic] = Int32(partitions[name] ?? Int(Int32.max))
      return topic
    }
    replies = try configuration.topics.replies.map(open)
    deadLetters = try configuration.topics.deadLetters.map(open)
    for name in Set(configuration.topics.allowedReplies) { allowed[name] = try open(name) }
    if let name = configuration.topics.replies { allowed[name] = replies }
  }

  func partitions(of topic: Producer.Topic) -> Int32 { partitionCounts[topic] ?? .max }

  deinit {
    for topic in Set(allowed.keys).subtracting([configuration.topics.replies ?? ""]) { producer.release(allowed[topic]!) }
    if let replies { producer.release(replies) }
    if let deadLetters { producer.release(deadLetters) }
  }

  func makeWriter() -> any OutcomeWriter { KafkaWriter(self, outbox.map { .kept($0) } ?? .direct(waits: true)) }

  // MARK: Threads

  func start() {
    let reports = Thread("reports") { self.runReports() }
    var all = [reports]
    if let outbox {
      source.onDrain { outbox.hurry() }
      let isExact = configuration.delivery == .exactlyOnce
      all.insert(Thread(isExact ? "transactions" : "order") {
        if isExact { TransactionSender(self, outbox).run() } else { OrderedSender(self, outbox).run() }
        // The reports thread serves the last transaction's reports, so it ends last.
        self.stopReports()
      }, at: 0)
    }
    threads.withLock { $0 = all }
  }

  func stop() {
    monitor.locked {
      abandoned = true
      monitor.broadcast()
    }
    if let outbox { outbox.stop() } else { stopReports() }
  }

  private func stopReports() {
    stopping.store(true, ordering: .releasing)
    producer.interrupt()
  }

  var acknowledgements: Watchdog.Acknowledgements {
    .init(outstanding: producer.pending, reports: reportCount, isOutage: isOutage.load(ordering: .relaxed))
  }

  func leave(waiting: Bool) { for thread in threads.withLock({ $0 }) { thread.leave(waiting: waiting) } }

  /// What could not be delivered of the transaction that has just been aborted.
  func takeUndelivered() -> [(ticket: Ticket, error: KafkaError)] {
    undelivered.withLock { undelivered in
      defer { undelivered = [] }
      return undelivered
    }
  }

  func noteUndelivered(_ ticket: Ticket, _ outcome: Outcome, _ error: KafkaError) {
    undelivered.withLock { $0.append((ticket.with(outcome: outcome.rawValue), error)) }
  }

  // MARK: The reports thread

  private func runReports() {
    let writer = KafkaWriter(self, .direct(waits: false))
    // Outcomes of undelivered replies that found the producer's queue full: tried again after the next reports, which make room.
    var unsent: [(ticket: Ticket, fault: RecordFault, outcome: Outcome)] = []
    let tickets = UnsafeMutableBufferPointer<Ticket>.allocate(capacity: 4096)
    defer { tickets.deallocate() }
    while !stopping.load(ordering: .acquiring) {
      switch producer.nextEvent(timeout: -1) {
      case .deliveries(let deliveries):
        isOutage.store(false, ordering: .relaxed)
        settle(deliveries, tickets) { ticket, error in unsent += replacements(ticket, error, writer) }
        // The room is there once the event is gone, which it is now.
        unsent.removeAll { writer.send($0.fault, source.record($0.ticket), as: $0.outcome) }
        signalRoom()
      case .error(let error):
        isOutage.store(true, ordering: .relaxed)
        if error.isFatal { fail(WorkerError("kafka: the producer cannot go on: \(error)")) } else { configuration.log("kafka: \(error)") }
      case nil: continue
      }
    }
  }

  /// Settles what an event acknowledges, and destroys the event.
  private func settle(_ deliveries: consuming Producer.Deliveries, _ tickets: UnsafeMutableBufferPointer<Ticket>, _ undelivered: (Ticket, KafkaError) -> Void) {
    var count = 0
    let isExact = configuration.delivery == .exactlyOnce
    while let delivery = deliveries.next() {
      let ticket = Ticket(bits: delivery.opaque)
      if delivery.errorCode != 0 {
        undelivered(ticket, delivery.error!)
        continue
      }
      // Of a transaction nothing is settled before it is committed.
      if isExact { continue }
      tickets[count] = ticket
      count += 1
      if count == tickets.count {
        source.settle(UnsafeBufferPointer(tickets))
        count = 0
      }
    }
    if count > 0 { source.settle(UnsafeBufferPointer(rebasing: tickets[..<count])) }
  }

  /// What is to be sent instead of an outcome that failed for good. Where that is not the record's fault the worker ends, and the
  /// record is answered again by whoever reads it next.
  func replacements(_ ticket: Ticket, _ error: KafkaError, _ writer: KafkaWriter) -> [(ticket: Ticket, fault: RecordFault, outcome: Outcome)] {
    if configuration.delivery == .exactlyOnce {
      undelivered.withLock { $0.append((ticket, error)) }
      return []
    }
    if error.name == "_PURGE_QUEUE" || error.name == "_PURGE_INFLIGHT" { return [] }
    let outcome = Outcome(rawValue: ticket.outcome) ?? .reply
    if let problem = sizeProblem(error) {
      fail(WorkerError(problem))
      return []
    }
    if case .record(let code) = DeliveryBlame(error.name, outcome) {
      let fault = RecordFault(code, expected: "a reply that its topic takes", came: "\(error)")
      switch outcome {
      case .reply, .routedReply: return writer.requireOutcomes(of: source.record(ticket)).map { (ticket, fault, $0) }
      case .errorReply, .deadLetter, .reducedErrorReply, .reducedDeadLetter, .emptyDeadLetter:
        if let reduced = outcome.reduced { return [(ticket, fault, reduced)] }
        writer.giveUp(source.record(ticket), outcome)
        return []
      }
    }
    fail(WorkerError("a reply could not be delivered: \(error)"))
    // Given back at once, so that the drain need not wait for its bound; not where another of its outcomes is on its way.
    if outcome == .reply || replies == nil || deadLetters == nil {
      source.release(ticket)
    }
    return []
  }

  /// Whether a refusal for size is none of the record's: the topic's limit was lowered, and it refuses whole batches. Asked for at
  /// most every 10 s. One of the threads that handle deliveries.
  func sizeProblem(_ error: KafkaError) -> String? {
    guard error.name == "MSG_SIZE_TOO_LARGE" else { return nil }
    let now = monotonicNow()
    if now &- sizesAsked >= 10_000_000_000 || sizesAsked == 0 {
      knownSizeProblem = BrokerCheck.sizeProblem(configuration)
      sizesAsked = now
    }
    return knownSizeProblem
  }

  // MARK: Sending

  enum Sending {
    case sent
    /// There is no room, and it was not to be waited for.
    case full
    case refused(KafkaError)
    /// The worker has ended; the record stays unsettled.
    case abandoned
  }

  /// Gives the producer a message, with the headers added to `outgoing`.
  /// - Parameter waits: for room in its queue; the thread that makes the room must not.
  func send(
    _ outgoing: Outgoing, to topic: Producer.Topic, partition: Int32, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, timestamp: Int64,
    ticket: Ticket, waits: Bool = true
  ) -> Sending {
    var seen: Int?
    while true {
      switch outgoing.send(by: producer, to: topic, partition: partition, key: key, value: value, timestamp: timestamp, opaque: ticket.bits) {
      case .sent: return .sent
      case .failed(let error): return .refused(error)
      case .full:
        // The count is read only now, so one more attempt has to follow before sleeping on it.
        if !waits || seen.map({ !waitForRoom(since: $0) }) ?? false {
          outgoing.dropHeaders()
          return waits ? .abandoned : .full
        }
        seen = reportCount
      }
    }
  }

  // MARK: Room in the producer's queue

  /// To be read before an attempt to send; see `waitForRoom`.
  var reportCount: Int { monitor.locked { reportsSeen } }

  /// Sleeps until delivery reports have come since `count` was read. - Returns: false where the worker gives up.
  func waitForRoom(since count: Int) -> Bool {
    monitor.locked {
      waiting += 1
      while reportsSeen == count, !abandoned { monitor.wait() }
      waiting -= 1
      return !abandoned
    }
  }

  private func signalRoom() {
    monitor.locked {
      reportsSeen &+= 1
      if waiting > 0 { monitor.broadcast() }
    }
  }
}
