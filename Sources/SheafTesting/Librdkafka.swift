import CLibrdkafka

// librdkafka as tests use it: straight, without the worker's own layer, so that neither hides the other's mistakes.

/// What went wrong in a test's own dealings with Kafka, processes or files.
public struct TestClientError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// A handle with these properties, to be destroyed by the caller.
func makeClient(_ type: rd_kafka_type_t, _ properties: [String: String], events: Int32 = 0) throws -> OpaquePointer {
  let configuration = rd_kafka_conf_new()
  var reason = [CChar](repeating: 0, count: 512)
  func fail() -> TestClientError {
    TestClientError("librdkafka: \(reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })")
  }
  // Brokers that are down are the point of some tests; what matters comes back as an error of the call.
  for (name, value) in ["log_level": "0"].merging(properties, uniquingKeysWith: { $1 }) {
    guard rd_kafka_conf_set(configuration, name, value, &reason, reason.count) == RD_KAFKA_CONF_OK else {
      rd_kafka_conf_destroy(configuration)
      throw fail()
    }
  }
  if events != 0 { rd_kafka_conf_set_events(configuration, events) }
  guard let client = rd_kafka_new(type, configuration, &reason, reason.count) else {
    rd_kafka_conf_destroy(configuration)
    throw fail()
  }
  return client
}

func check(_ code: rd_kafka_resp_err_t, _ what: @autoclosure () -> String) throws {
  guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
  throw TestClientError("\(what()): \(String(cString: rd_kafka_err2str(code)))")
}

/// As `check(_:_:)`, for calls that return an error object; destroys it.
func check(_ error: OpaquePointer?, _ what: @autoclosure () -> String) throws {
  guard let error else { return }
  defer { rd_kafka_error_destroy(error) }
  throw TestClientError("\(what()): \(String(cString: rd_kafka_error_string(error)))")
}

/// A list of all partitions of a topic, destroyed after `body`.
func withPartitions<Result>(
  _ topic: String, _ count: Int, offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID),
  _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) throws -> Result
) rethrows -> Result {
  let list = rd_kafka_topic_partition_list_new(Int32(count))!
  defer { rd_kafka_topic_partition_list_destroy(list) }
  for partition in 0..<count { rd_kafka_topic_partition_list_add(list, topic, Int32(partition)).pointee.offset = offset }
  return try body(list)
}

/// A topic's number of partitions; 0 where it does not exist.
func partitionCount(_ client: OpaquePointer, _ topic: String) throws -> Int {
  let handle = rd_kafka_topic_new(client, topic, nil)
  defer { rd_kafka_topic_destroy(handle) }
  var metadata: UnsafePointer<rd_kafka_metadata>?
  try check(rd_kafka_metadata(client, 0, handle, &metadata, 10_000), "metadata of \(topic)")
  defer { rd_kafka_metadata_destroy(metadata) }
  guard let found = metadata?.pointee, found.topic_cnt == 1 else { return 0 }
  return Int(found.topics[0].partition_cnt)
}
