import CLibrdkafka
import Glibc

/// An idempotent producer whose delivery reports come as events, in the order in which a thread of the caller's polls them.
///
/// `send` may be called by several threads at once, each with an `Outgoing` of its own.
public final class Producer: @unchecked Sendable {  // librdkafka's handles are thread-safe; nothing else is stored.
  let client: OpaquePointer
  private let reports: OpaquePointer

  /// - Throws: `KafkaError` where librdkafka refuses a property.
  public init(_ properties: [(String, String)]) throws {
    let conf = try Properties(properties)
    rd_kafka_conf_set_events(conf.raw, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR)
    client = try conf.client(RD_KAFKA_PRODUCER)
    reports = rd_kafka_queue_get_main(client)
  }

  /// A topic to send to, for the life of this producer.
  public struct Topic: BitwiseCopyable, Hashable, @unchecked Sendable { let raw: OpaquePointer }  // Thread-safe in librdkafka.

  /// Release with `release`.
  public func topic(_ name: String) throws -> Topic {
    guard let raw = rd_kafka_topic_new(client, name, nil) else { throw KafkaError(rd_kafka_last_error(), "topic \(name)") }
    return Topic(raw: raw)
  }

  public func release(_ topic: Topic) { rd_kafka_topic_destroy(topic.raw) }

  /// One delivery report: the opaque that was sent along, and what became of it.
  public struct Delivery {
    public let opaque: UInt64
    /// 0: acknowledged by the broker.
    public let errorCode: Int32
    public var error: KafkaError? { errorCode == 0 ? nil : KafkaError(rd_kafka_resp_err_t(rawValue: errorCode)) }
  }

  public enum Event: ~Copyable {
    case deliveries(Deliveries)
    case error(KafkaError)
  }

  /// The reports of one event; destroyed with it.
  public struct Deliveries: ~Copyable {
    let event: OpaquePointer

    public mutating func next() -> Delivery? {
      guard let message = rd_kafka_event_message_next(event) else { return nil }
      return Delivery(opaque: UInt64(UInt(bitPattern: message.pointee._private)), errorCode: message.pointee.err.rawValue)
    }

    deinit { rd_kafka_event_destroy(event) }
  }

  /// Waits for the next event; nil where `interrupt` was called, or nothing came within `timeout` milliseconds (-1: for ever).
  public func nextEvent(timeout: Int32) -> Event? {
    guard let event = rd_kafka_queue_poll(reports, timeout) else { return nil }
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_DR: return .deliveries(Deliveries(event: event))
    case RD_KAFKA_EVENT_ERROR:
      var error = KafkaError(rd_kafka_event_error(event), String(cString: rd_kafka_event_error_string(event)))
      error.isFatal = error.code == RD_KAFKA_RESP_ERR__FATAL.rawValue
      rd_kafka_event_destroy(event)
      return .error(error)
    default:
      rd_kafka_event_destroy(event)
      return nil
    }
  }

  /// Makes a waiting `nextEvent` return nil.
  public func interrupt() { rd_kafka_queue_yield(reports) }

  /// Messages that are not acknowledged yet.
  public var pending: Int { Int(rd_kafka_outq_len(client)) }

  deinit {
    // What is still pending at a forced end is given up: its records are not committed.
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
    rd_kafka_queue_destroy(reports)
    rd_kafka_destroy(client)
  }
}

/// Headers kept to be sent later, or again; freed with `free()`.
public struct OutgoingHeaders: BitwiseCopyable, @unchecked Sendable {  // Belongs to one thread at a time.
  fileprivate let raw: OpaquePointer

  /// Bytes they take in a message, about.
  public var byteCount: Int {
    var bytes = 0, index = 0, name: UnsafePointer<CChar>?, value: UnsafeRawPointer?, size = 0
    while rd_kafka_header_get_all(raw, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
      bytes += size + strlen(name!) + 8
      index += 1
    }
    return bytes
  }

  public func free() { rd_kafka_headers_destroy(raw) }
}

/// A message to be sent, with its librdkafka slots filled once and used again; belongs to one thread.
public final class Outgoing {
  public enum Outcome {
    case sent
    /// The producer's queue is full: wait for delivery reports, then send again.
    case full
    case failed(KafkaError)
  }

  private let slots: UnsafeMutablePointer<rd_kafka_vu_t>
  private static let count = 8
  private var headers: OpaquePointer?

  public init() {
    slots = .allocate(capacity: Outgoing.count)
    slots.initialize(repeating: rd_kafka_vu_t(), count: Outgoing.count)
    slots[0].vtype = RD_KAFKA_VTYPE_RKT
    slots[1].vtype = RD_KAFKA_VTYPE_PARTITION
    slots[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS
    slots[2].u.i = RD_KAFKA_MSG_F_COPY
    slots[3].vtype = RD_KAFKA_VTYPE_VALUE
    slots[4].vtype = RD_KAFKA_VTYPE_KEY
    slots[5].vtype = RD_KAFKA_VTYPE_OPAQUE
    slots[6].vtype = RD_KAFKA_VTYPE_TIMESTAMP
    slots[7].vtype = RD_KAFKA_VTYPE_HEADERS
  }

  deinit {
    if let headers { rd_kafka_headers_destroy(headers) }
    slots.deallocate()
  }

  /// Some address that is not nil, for values of no bytes.
  var anyAddress: UnsafeMutableRawPointer { UnsafeMutableRawPointer(slots) }

  /// Adds a header to the next message.
  public func addHeader(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
    name.withUTF8Buffer { addHeader($0, value) }
  }

  public func addHeader(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeRawBufferPointer) {
    if headers == nil { headers = rd_kafka_headers_new(4) }
    name.withMemoryRebound(to: CChar.self) { _ = rd_kafka_header_add(headers, $0.baseAddress, $0.count, value.baseAddress, value.count) }
  }

  /// Gives the next message all headers of a received one (a header list of `Message.headers`).
  public func copyHeaders(of list: OpaquePointer) {
    if let headers { rd_kafka_headers_destroy(headers) }
    headers = rd_kafka_headers_copy(list)
  }

  /// The headers added so far, from now on the caller's.
  public func takeHeaders() -> OutgoingHeaders? {
    defer { headers = nil }
    return headers.map(OutgoingHeaders.init)
  }

  /// Gives the next message a copy of headers that were kept.
  public func setHeaders(_ kept: OutgoingHeaders?) {
    dropHeaders()
    if let kept { headers = rd_kafka_headers_copy(kept.raw) }
  }

  /// Forgets the headers added so far.
  public func dropHeaders() {
    if let headers { rd_kafka_headers_destroy(headers) }
    headers = nil
  }

  /// Sends key and value (copied) with the headers added so far. `partition` -1: by key. `timestamp` 0: now. The headers are
  /// kept for another try where the outcome is `.full`, and dropped otherwise.
  public func send(
    by producer: Producer, to topic: Producer.Topic, partition: Int32 = -1, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer,
    timestamp: Int64 = 0, opaque: UInt64
  ) -> Outcome {
    slots[0].u.rkt = topic.raw
    slots[1].u.i32 = partition
    slots[3].u.mem.ptr = UnsafeMutableRawPointer(mutating: value.baseAddress)
    slots[3].u.mem.size = value.count
    slots[4].u.mem.ptr = UnsafeMutableRawPointer(mutating: key.baseAddress)
    slots[4].u.mem.size = key.count
    slots[5].u.ptr = UnsafeMutableRawPointer(bitPattern: UInt(opaque))
    slots[6].u.i64 = timestamp
    slots[7].u.headers = headers
    guard let error = rd_kafka_produceva(producer.client, slots, headers == nil ? Outgoing.count - 1 : Outgoing.count) else {
      headers = nil  // librdkafka's now
      return .sent
    }
    defer { rd_kafka_error_destroy(error) }
    let code = rd_kafka_error_code(error)
    if code == RD_KAFKA_RESP_ERR__QUEUE_FULL { return .full }
    dropHeaders()
    var failure = KafkaError(code, String(cString: rd_kafka_error_string(error)))
    failure.isFatal = code == RD_KAFKA_RESP_ERR__FATAL
    return .failed(failure)
  }
}
