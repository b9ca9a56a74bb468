import CLibrdkafka

/// A consumer for tests outside of any group: all partitions of one topic from their beginning. Used by one thread at a time.
public final class TestConsumer {
  private let client: OpaquePointer
  private let queue: OpaquePointer
  private var messages = [UnsafeMutablePointer<rd_kafka_message_t>?](repeating: nil, count: 1000)

  /// - Parameter properties: beside ours; `isolation.level`, for one.
  public init(bootstrap: String, topic: String, properties: [String: String] = [:]) throws {
    let settings = [
      "bootstrap.servers": bootstrap, "group.id": "sheaf-test-reader", "enable.auto.commit": "false", "auto.offset.reset": "error",
      "fetch.wait.max.ms": "10", "socket.nagle.disable": "true",
    ]
    client = try makeClient(RD_KAFKA_CONSUMER, settings.merging(properties) { $1 })
    rd_kafka_poll_set_consumer(client)
    queue = rd_kafka_queue_get_consumer(client)
    let count = try partitionCount(client, topic)
    guard count > 0 else { throw TestClientError("there is no topic \(topic)") }
    try withPartitions(topic, count, offset: Int64(RD_KAFKA_OFFSET_BEGINNING)) {
      try check(rd_kafka_assign(client, $0), "assign \(topic)")
    }
  }

  deinit {
    rd_kafka_queue_destroy(queue)
    rd_kafka_consumer_close(client)
    rd_kafka_destroy(client)
  }

  /// The next records, as soon as there are any; none where there are none within `seconds`.
  public func poll(seconds: Double) throws -> [TestRecord] {
    let deadline = monotonicSeconds() + seconds
    while true {
      var records = try take(milliseconds: 0)
      if !records.isEmpty { return records }
      let left = deadline - monotonicSeconds()
      if left <= 0 { return [] }
      // Sleeps until there is one (a batch call with a timeout would wait for a full batch).
      guard let message = rd_kafka_consumer_poll(client, Int32(left * 1000) + 1) else { continue }
      defer { rd_kafka_message_destroy(message) }
      if let record = try Self.record(message) { records.append(record) }
      records += try take(milliseconds: 0)
      if !records.isEmpty { return records }
    }
  }

  private func take(milliseconds: Int32) throws -> [TestRecord] {
    let count = max(0, rd_kafka_consume_batch_queue(queue, milliseconds, &messages, messages.count))
    defer { for message in messages[..<count] { rd_kafka_message_destroy(message) } }
    return try messages[..<count].compactMap { try Self.record($0!) }
  }

  private static func record(_ message: UnsafeMutablePointer<rd_kafka_message_t>) throws -> TestRecord? {
    switch message.pointee.err {
    case RD_KAFKA_RESP_ERR_NO_ERROR: break
    // librdkafka goes on by itself after these.
    case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__PARTITION_EOF: return nil
    default: throw TestClientError("consume: \(String(cString: rd_kafka_message_errstr(message)))")
    }
    var record = TestRecord(
      key: bytes(message.pointee.key, message.pointee.key_len), value: bytes(message.pointee.payload, message.pointee.len),
      headers: headers(message), partition: message.pointee.partition)
    record.offset = message.pointee.offset
    record.timestamp = rd_kafka_message_timestamp(message, nil)
    return record
  }

  private static func headers(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> [TestRecord.Header] {
    var list: OpaquePointer?
    guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return [] }
    var headers: [TestRecord.Header] = []
    var (name, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
    while rd_kafka_header_get_all(list, headers.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
      headers.append(.init(String(cString: name!), bytes(value, size)))
    }
    return headers
  }

  private static func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
    start.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
  }
}
