import CLibrdkafka

/// A producer for tests, used by one thread at a time: acknowledged by all replicas, idempotent, errors kept until `flush()`.
public final class TestProducer {
  private let client: OpaquePointer
  private let reports: OpaquePointer
  private var unacknowledged = 0
  private var failure: TestClientError?

  public init(bootstrap: String, properties: [String: String] = [:]) throws {
    let settings = [
      "bootstrap.servers": bootstrap, "enable.idempotence": "true", "linger.ms": "5", "message.timeout.ms": "30000",
      "queue.buffering.max.messages": "100000", "socket.nagle.disable": "true",
    ]
    client = try makeClient(RD_KAFKA_PRODUCER, settings.merging(properties) { $1 }, events: RD_KAFKA_EVENT_DR)
    reports = rd_kafka_queue_get_main(client)
  }

  deinit {
    rd_kafka_queue_destroy(reports)
    rd_kafka_destroy(client)
  }

  /// Hands a record to librdkafka, waiting while its queue is full.
  public func send(_ topic: String, _ record: TestRecord) throws {
    while true {
      let code = try produce(topic, record)
      if code == RD_KAFKA_RESP_ERR_NO_ERROR { break }
      guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else { return try check(code, "produce to \(topic)") }
      serveReports(milliseconds: 100)
    }
    unacknowledged += 1
    if unacknowledged % 1000 == 0 { serveReports(milliseconds: 0) }
  }

  /// Waits until every record has been acknowledged.
  /// - Throws: the first failure since the last flush, or where it takes too long.
  public func flush(seconds: Double = 60) throws {
    let deadline = monotonicSeconds() + seconds
    while unacknowledged > 0, monotonicSeconds() < deadline { serveReports(milliseconds: 100) }
    defer { failure = nil }
    if let failure { throw failure }
    guard unacknowledged == 0 else { throw TestClientError("\(unacknowledged) records not acknowledged within \(seconds) s") }
  }

  private func serveReports(milliseconds: Int32) {
    var timeout = milliseconds
    while let event = rd_kafka_queue_poll(reports, timeout) {
      defer { rd_kafka_event_destroy(event) }
      timeout = 0
      while let message = rd_kafka_event_message_next(event) {
        unacknowledged -= 1
        let code = message.pointee.err
        if code != RD_KAFKA_RESP_ERR_NO_ERROR, failure == nil {
          failure = TestClientError("a record was not acknowledged: \(String(cString: rd_kafka_err2str(code)))")
        }
      }
    }
  }

  private func produce(_ topic: String, _ record: TestRecord) throws -> rd_kafka_resp_err_t {
    let headers = record.headers.isEmpty ? nil : rd_kafka_headers_new(record.headers.count)
    for header in record.headers {
      // A null value is no pointer; an empty one is some pointer.
      _ = (header.value ?? []).withUnsafeBytes { bytes in
        rd_kafka_header_add(headers, header.name, -1, header.value == nil ? nil : bytes.baseAddress ?? Self.empty, bytes.count)
      }
    }
    return topic.withCString { topic in
      (record.key ?? []).withUnsafeBytes { key in
        (record.value ?? []).withUnsafeBytes { value in
          var arguments = [
            argument(RD_KAFKA_VTYPE_TOPIC) { $0.cstr = topic },
            argument(RD_KAFKA_VTYPE_PARTITION) { $0.i32 = record.partition },
            argument(RD_KAFKA_VTYPE_MSGFLAGS) { $0.i = RD_KAFKA_MSG_F_COPY },
            argument(RD_KAFKA_VTYPE_KEY) { $0.mem = memory(record.key == nil ? nil : key) },
            argument(RD_KAFKA_VTYPE_VALUE) { $0.mem = memory(record.value == nil ? nil : value) },
            argument(RD_KAFKA_VTYPE_TIMESTAMP) { $0.i64 = record.timestamp },
          ]
          if let headers { arguments.append(argument(RD_KAFKA_VTYPE_HEADERS) { $0.headers = headers }) }
          guard let error = rd_kafka_produceva(client, arguments, arguments.count) else { return RD_KAFKA_RESP_ERR_NO_ERROR }
          defer { rd_kafka_error_destroy(error) }
          if let headers { rd_kafka_headers_destroy(headers) }  // Still ours where the call fails.
          return rd_kafka_error_code(error)
        }
      }
    }
  }

  private typealias Memory = rd_kafka_vu_t.__Unnamed_union_u.__Unnamed_struct_mem

  private func argument(_ type: rd_kafka_vtype_t, _ set: (inout rd_kafka_vu_t.__Unnamed_union_u) -> Void) -> rd_kafka_vu_t {
    var argument = rd_kafka_vu_t()
    argument.vtype = type
    set(&argument.u)
    return argument
  }

  private func memory(_ bytes: UnsafeRawBufferPointer?) -> Memory {
    guard let bytes else { return Memory(ptr: nil, size: 0) }
    return Memory(ptr: UnsafeMutableRawPointer(mutating: bytes.baseAddress ?? Self.empty), size: bytes.count)
  }

  /// Some address, for a value that is empty but not null.
  private static nonisolated(unsafe) let empty = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
}
