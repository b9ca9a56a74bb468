import SheafKafka

/// Encodes and sends one thread's outcomes.
///
/// Replies carry the request's key, its correlation id and trace context, and a deterministic id, `topic/partition/offset`, by
/// which a reader recognises a record that was answered twice.
final class KafkaWriter: OutcomeWriter {
  private let sink: KafkaSink
  private let encoder: ReplyEncoder
  private let outgoing = Outgoing()
  /// `topic/` of every topic seen, as bytes.
  private var prefixes: [[UInt8]] = []
  private let id = UnsafeMutableRawBufferPointer.allocate(byteCount: 320, alignment: 1)

  /// Where messages go.
  enum Way {
    /// To the producer. - `waits`: for room in its queue; the reports thread, which makes the room, must not.
    case direct(waits: Bool)
    /// To a thread that sends them in the order of their records, or in a transaction.
    case kept(Outbox)
  }
  private let way: Way
  /// What the present record was answered with, and the records before it that are not handed over yet; of a kept way only.
  private var present = Answered(ticket: Ticket(bits: 0))
  private var finished: [Answered] = []

  init(_ sink: KafkaSink, _ way: Way) {
    self.sink = sink
    self.way = way
    encoder = ReplyEncoder(signature: sink.signature, modelName: sink.modelName)
  }

  deinit { id.deallocate() }

  func answer(_ requests: ArraySlice<Request>, batchRows: Int, reply: (Int) -> BatchReply) {
    for (index, request) in requests.enumerated() {
      begin(request.record)
      switch reply(index) {
      case .failed(let reason): tell(request.record, RecordFault(.modelFailed, expected: "a row the model can answer", came: reason))
      case .value(let value, let hasNaN):
        if hasNaN { sink.noteNaN(request.record) }
        if hasNaN, sink.configuration.failsNaN {
          tell(request.record, RecordFault(.notANumber, expected: "an answer of numbers", came: "NaN (models.nan is fail)"))
        } else {
          self.reply(request, value, batchRows: batchRows)
        }
      }
      finish()
    }
    handOver()
  }

  func fail(_ record: Record, _ fault: RecordFault) {
    begin(record)
    tell(record, fault)
    finish()
    handOver()
  }

  func skip(_ record: Record) {
    begin(record)
    finish()
    handOver()
    if case .direct = way { sink.source.settle(record.ticket) }
  }

  func release(_ tickets: [Ticket]) {
    switch way {
    case .direct: tickets.withUnsafeBufferPointer { sink.source.release($0) }
    // In the order of things: what waits behind these has to be turned away first.
    case .kept(let outbox): outbox.post(tickets.map { Answered(ticket: $0, isGivenUp: true) })
    }
  }

  // MARK: What is kept of a record

  private func begin(_ record: Record) { present = Answered(ticket: record.ticket) }
  private func finish() { if case .kept = way { finished.append(present) } }

  private func handOver() {
    guard case .kept(let outbox) = way else { return }
    outbox.accept(finished)
    finished.removeAll(keepingCapacity: true)
  }

  /// What a record is answered with after all, where one of its outcomes failed for good. For the thread that sends kept ones.
  func replacement(for answered: Answered, failed: KafkaSink.Outcome, _ fault: RecordFault, _ record: Record) -> Answered {
    present = Answered(ticket: answered.ticket)
    // A reply goes, and with it everything that depends on it; of several outcomes the others stay.
    switch failed {
    case .reply, .routedReply:
      answered.release()
      tell(record, fault)
    case .errorReply, .deadLetter, .reducedErrorReply, .reducedDeadLetter, .emptyDeadLetter:
      answered.forEach { if $0.outcome == failed { $0.release() } else { present.append($0) } }
      if let reduced = failed.reduced { _ = send(fault, record, as: reduced) } else { giveUp(record, failed) }
    }
    return present
  }

  private func reply(_ request: Request, _ value: UnsafeRawBufferPointer, batchRows: Int) {
    let record = request.record
    guard let route = route(record) else { return }
    if sink.configuration.topics.batchHeader {
      withDecimal(Int64(batchRows)) { outgoing.addHeader("sheaf_batch", $0) }
    }
    _ = send(record, value, route, route.isNamed ? .routedReply : .reply)
  }

  /// Tells a fault of the present record.
  private func tell(_ record: Record, _ fault: RecordFault) {
    sink.noteFailure(record, fault)
    for outcome in requireOutcomes(of: record) { _ = send(fault, record, as: outcome) }
  }

  /// What a failed record requires, fixed before any of it is sent: the record is settled when all are acknowledged.
  func requireOutcomes(of record: Record) -> [KafkaSink.Outcome] {
    let outcomes: [KafkaSink.Outcome] = (sink.replies == nil ? [] : [.errorReply]) + (sink.deadLetters == nil ? [] : [.deadLetter])
    // Kept outcomes are counted when they are sent.
    if case .direct = way { sink.source.require(UInt8(outcomes.count), record.ticket) }
    return outcomes
  }

  /// Sends one outcome of a failed record. - Returns: false where the producer's queue is full and this writer does not wait.
  func send(_ fault: RecordFault, _ record: Record, as outcome: KafkaSink.Outcome) -> Bool {
    switch outcome {
    case .deadLetter, .reducedDeadLetter, .emptyDeadLetter: return deadLetter(record, fault, outcome)
    case .reply, .routedReply, .errorReply, .reducedErrorReply: break
    }
    outgoing.addHeader("content-type", json)
    fault.code.rawValue.withUTF8Pointer { outgoing.addHeader("sheaf_error", $0) }
    let value = encoder.encode(fault, record, topic: sink.source.topicName(record.topic))
    return send(record, value, Route(topic: sink.replies!, partition: -1, isNamed: false), outcome, fault)
  }

  /// The original, with what is wrong with it (header names of KIP-1191). Reduced, it has neither the original's headers nor its
  /// key, and its value is cut to 64 KiB, or left out where that is too large too; a header says so.
  private func deadLetter(_ record: Record, _ fault: RecordFault, _ outcome: KafkaSink.Outcome) -> Bool {
    let isReduced = outcome != .deadLetter
    if !isReduced, let list = record.headers.handle { outgoing.copyHeaders(of: OpaquePointer(list)) }
    sink.source.topicName(record.topic).withUTF8Pointer { outgoing.addHeader("__dlq.errors.topic", $0) }
    withDecimal(Int64(record.partition)) { outgoing.addHeader("__dlq.errors.partition", $0) }
    withDecimal(record.offset) { outgoing.addHeader("__dlq.errors.offset", $0) }
    (sink.configuration.kafka["group.id"] ?? "").withUTF8Pointer { outgoing.addHeader("__dlq.errors.group", $0) }
    // To this worker; others before it may have met the record too.
    withDecimal(1) { outgoing.addHeader("__dlq.errors.delivery.count", $0) }
    "\(fault.code.rawValue): expected \(fault.expected), came \(fault.came)".withUTF8Pointer { outgoing.addHeader("__dlq.errors.message", $0) }
    var value = record.value
    if isReduced {
      withDecimal(Int64(value.count)) { outgoing.addHeader("sheaf_cut_from", $0) }
      value = UnsafeRawBufferPointer(rebasing: value.prefix(outcome == .emptyDeadLetter ? 0 : 65_536))
    }
    return transmit(
      record, value, Route(topic: sink.deadLetters!, partition: -1, isNamed: false), outcome, fault, key: isReduced ? noKey : record.key,
      timestamp: isReduced ? 0 : max(0, record.timestamp))
  }

  /// Not even the shortest outcome fits: the record is settled without it, and the log tells.
  func giveUp(_ record: Record, _ outcome: KafkaSink.Outcome) {
    sink.configuration.log(
      "\(sink.source.topicName(record.topic))/\(record.partition) offset \(record.offset): its \(outcome) is larger than the topic or kafka.message.max.bytes allows, however short; passed over")
    if case .direct = way { sink.source.settle(record.ticket) }
  }

  // MARK: Routing

  private struct Route {
    var topic: Producer.Topic
    var partition: Int32
    /// Named by the request's header.
    var isNamed: Bool
  }

  /// Where a reply goes: Spring's `kafka_replyTopic` and `kafka_replyPartition` headers, else the configured topic. A request
  /// that names a topic not allowed is failed here.
  private func route(_ record: Record) -> Route? {
    var route: Route?
    if let name = record.headers.last(.replyTopic), !name.isEmpty {
      let wanted = String(decoding: name, as: UTF8.self)
      guard let topic = sink.allowed[wanted] else {
        tell(record, RecordFault(.badReplyTopic, expected: "a kafka_replyTopic among \(sink.allowed.keys.sorted().joined(separator: ", "))", came: "\"\(wanted.prefix(249))\""))
        return nil
      }
      route = Route(topic: topic, partition: -1, isNamed: true)
    } else if let replies = sink.replies {
      route = Route(topic: replies, partition: -1, isNamed: false)
    }
    guard var route else {
      tell(record, RecordFault(.badReplyTopic, expected: "a kafka_replyTopic header, since topics.replies is not set", came: "none"))
      return nil
    }
    if let partition = record.headers.last(.replyPartition), !partition.isEmpty {
      guard partition.count == 4, partition[0] < 0x80 else {
        tell(record, RecordFault(.badReplyTopic, expected: "kafka_replyPartition as 4 bytes, big-endian, not negative", came: "\(partition.count) bytes"))
        return nil
      }
      route.partition = partition.reduce(0) { $0 << 8 | Int32($1) }
      route.isNamed = true  // A partition that does not exist is the request's fault.
    }
    return route
  }

  // MARK: Sending

  private let json = staticBytes("application/json")

  /// Sends a reply or error reply with the headers that tie it to its request.
  private func send(_ record: Record, _ value: UnsafeRawBufferPointer, _ route: Route, _ outcome: KafkaSink.Outcome, _ fault: RecordFault? = nil) -> Bool {
    let isReduced = outcome == .reducedErrorReply
    outgoing.addHeader("sheaf_id", requestID(record))
    if let correlation = record.headers.last(.correlationID), !isReduced || correlation.count <= 256 { outgoing.addHeader("kafka_correlationId", correlation) }
    if !isReduced, let trace = record.headers.last(.traceparent) { outgoing.addHeader("traceparent", trace) }
    return transmit(record, value, route, outcome, fault, key: isReduced ? noKey : record.key)
  }

  private let noKey = UnsafeRawBufferPointer(start: nil, count: 0)

  private func transmit(
    _ record: Record, _ value: UnsafeRawBufferPointer, _ route: Route, _ outcome: KafkaSink.Outcome, _ fault: RecordFault?, key: UnsafeRawBufferPointer,
    timestamp: Int64 = 0
  ) -> Bool {
    switch way {
    case .kept:
      let headers = outgoing.takeHeaders()
      let size = key.count + value.count + (headers?.byteCount ?? 0)
      guard size <= sink.largestMessage, route.partition < sink.partitions(of: route.topic) else {
        headers?.free()
        // As the producer would say, which is not asked before the transaction.
        return refused(record, value, route, outcome, fault, size > sink.largestMessage ? "MSG_SIZE_TOO_LARGE" : "_UNKNOWN_PARTITION", "\(size) bytes")
      }
      present.append(KeptOutcome(outcome, route.topic, partition: route.partition, key: key, value: value, headers: headers, timestamp: timestamp))
      return true
    case .direct(let waits):
      let ticket = record.ticket.with(outcome: outcome.rawValue)
      switch sink.send(outgoing, to: route.topic, partition: route.partition, key: key, value: value, timestamp: timestamp, ticket: ticket, waits: waits) {
      case .sent, .abandoned: return true
      case .full: return false
      case .refused(let error): return refused(record, value, route, outcome, fault, error.name, "\(error)")
      }
    }
  }

  /// The producer does not take a message: something smaller goes in its place, or the worker ends.
  private func refused(
    _ record: Record, _ value: UnsafeRawBufferPointer, _ route: Route, _ outcome: KafkaSink.Outcome, _ fault: RecordFault?, _ error: String, _ words: String
  ) -> Bool {
    if case .record(let code) = DeliveryBlame(error, outcome) {
      switch outcome {
      case .reply, .routedReply:
        tell(record, code == .tooLarge
          ? RecordFault(.tooLarge, expected: "a reply within message.max.bytes", came: "\(value.count) bytes")
          : RecordFault(code, expected: "a reply topic and partition that exist", came: "partition \(route.partition): \(words)"))
      case .errorReply, .deadLetter, .reducedErrorReply, .reducedDeadLetter, .emptyDeadLetter:
        if let reduced = outcome.reduced, let fault { return send(fault, record, as: reduced) }
        giveUp(record, outcome)
      }
      return true
    }
    sink.fail(WorkerError("a reply could not be sent: \(words)"))
    return true
  }

  /// `topic/partition/offset`; valid until the next call.
  private func requestID(_ record: Record) -> UnsafeRawBufferPointer {
    while prefixes.count <= Int(record.topic) { prefixes.append(Array("\(sink.source.topicName(Int32(prefixes.count)))/".utf8)) }
    var count = 0
    prefixes[Int(record.topic)].withUnsafeBytes { prefix in
      id.copyMemory(from: prefix)
      count = prefix.count
    }
    count += writeDecimal(Int64(record.partition), UnsafeMutableRawBufferPointer(rebasing: id[count...]))
    id[count] = UInt8(ascii: "/")
    count += 1
    count += writeDecimal(record.offset, UnsafeMutableRawBufferPointer(rebasing: id[count...]))
    return UnsafeRawBufferPointer(rebasing: id[..<count])
  }
}

/// Bytes of a literal, for the life of the process.
private func staticBytes(_ text: StaticString) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
}

/// Writes a number in decimal digits; `target` has room for 20. - Returns: how many.
func writeDecimal(_ value: Int64, _ target: UnsafeMutableRawBufferPointer) -> Int {
  var magnitude = value.magnitude
  var digits = 0
  var reversed: (UInt64, UInt64, UInt64) = (0, 0, 0)  // 24 bytes
  return withUnsafeMutableBytes(of: &reversed) { buffer in
    repeat {
      buffer[digits] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
      magnitude /= 10
      digits += 1
    } while magnitude > 0
    if value < 0 {
      buffer[digits] = UInt8(ascii: "-")
      digits += 1
    }
    for index in 0..<digits { target[index] = buffer[digits - 1 - index] }
    return digits
  }
}

private func withDecimal(_ value: Int64, _ body: (UnsafeRawBufferPointer) -> Void) {
  withUnsafeTemporaryAllocation(byteCount: 24, alignment: 1) { buffer in
    body(UnsafeRawBufferPointer(rebasing: buffer[..<writeDecimal(value, buffer)]))
  }
}

extension String {
  fileprivate func withUTF8Pointer(_ body: (UnsafeRawBufferPointer) -> Void) {
    var copy = self
    copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}
