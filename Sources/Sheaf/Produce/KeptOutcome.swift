import Glibc
import SheafKafka

/// An outcome that is encoded but not sent yet, or may have to be sent again: where earlier records go first, and in
/// transactions. The key lies in the record's message, which is there until the ticket comes back; the rest is its own.
struct KeptOutcome: BitwiseCopyable, @unchecked Sendable {  // Handed from one thread to the next, never shared.
  var outcome: KafkaSink.Outcome
  var topic: Producer.Topic
  /// -1: by key.
  var partition: Int32
  var key: UnsafeRawBufferPointer
  var value: UnsafeRawBufferPointer
  var headers: OutgoingHeaders?
  /// Milliseconds since 1970; 0: when it is sent.
  var timestamp: Int64

  /// Copies `value` and takes over the headers.
  init(_ outcome: KafkaSink.Outcome, _ topic: Producer.Topic, partition: Int32, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, headers: OutgoingHeaders?, timestamp: Int64) {
    self.outcome = outcome
    self.topic = topic
    self.partition = partition
    self.key = key
    self.headers = headers
    self.timestamp = timestamp
    byteCount = value.count + (headers?.byteCount ?? 0) + 96
    guard let start = value.baseAddress else {
      self.value = value  // A null value stays one.
      return
    }
    let copy = malloc(max(1, value.count))!
    memcpy(copy, start, value.count)
    self.value = UnsafeRawBufferPointer(start: copy, count: value.count)
  }

  /// Bytes it keeps.
  let byteCount: Int

  /// Sends it, waiting for room; it is kept as it is.
  func send(by sink: KafkaSink, _ ticket: Ticket, _ outgoing: Outgoing) -> KafkaSink.Sending {
    outgoing.setHeaders(headers)
    return sink.send(outgoing, to: topic, partition: partition, key: key, value: value, timestamp: timestamp, ticket: ticket.with(outcome: outcome.rawValue))
  }

  func release() {
    Glibc.free(UnsafeMutableRawPointer(mutating: value.baseAddress))
    headers?.free()
  }
}

/// What became of one record: all its outcomes, none (it is skipped), or it was given up.
struct Answered: @unchecked Sendable {  // As KeptOutcome.
  var ticket: Ticket
  var isGivenUp = false
  /// Most records have one outcome, which needs no array of its own.
  var first: KeptOutcome?
  var others: [KeptOutcome] = []

  var byteCount: Int { (first?.byteCount ?? 0) + others.reduce(0) { $0 + $1.byteCount } }

  mutating func append(_ outcome: KeptOutcome) { if first == nil { first = outcome } else { others.append(outcome) } }

  func forEach(_ body: (KeptOutcome) -> Void) {
    if let first { body(first) }
    for other in others { body(other) }
  }

  func release() { forEach { $0.release() } }
}
