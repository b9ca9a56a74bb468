import CLibrdkafka
import Glibc

/// What becomes of topics while they are read. Real brokers only: the embedded one takes no admin requests.
extension TestClient {
  /// Returns when the brokers have forgotten the topic.
  public func deleteTopic(_ name: String) throws {
    try withClient(type: RD_KAFKA_PRODUCER) { client in
      var topic: OpaquePointer? = rd_kafka_DeleteTopic_new(name)
      defer { rd_kafka_DeleteTopic_destroy(topic) }
      try request(client, "delete topic \(name)") { rd_kafka_DeleteTopics(client, &topic, 1, nil, $0) } results: { event, count in
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count).map { results in (0..<count).map { rd_kafka_topic_result_error(results[$0]) } }
      }
    }
    try looks(for: 4) { try partitions(name) == 0 }
  }

  /// Adds partitions until there are `count`.
  public func growTopic(_ name: String, partitions count: Int) throws {
    try withClient(type: RD_KAFKA_PRODUCER) { client in
      var reason = [CChar](repeating: 0, count: 512)
      var growth = rd_kafka_NewPartitions_new(name, count, &reason, reason.count)
      defer { rd_kafka_NewPartitions_destroy(growth) }
      try request(client, "grow topic \(name)") { rd_kafka_CreatePartitions(client, &growth, 1, nil, $0) } results: { event, count in
        rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count).map { results in (0..<count).map { rd_kafka_topic_result_error(results[$0]) } }
      }
    }
    try looks(for: 4) { try partitions(name) == count }
  }

  /// Deletes the records of a partition below `offset`, as retention does.
  public func deleteRecords(_ topic: String, _ partition: Int32, before offset: Int64) throws {
    try withClient(type: RD_KAFKA_PRODUCER) { client in
      let list = rd_kafka_topic_partition_list_new(1)
      defer { rd_kafka_topic_partition_list_destroy(list) }
      rd_kafka_topic_partition_list_add(list, topic, partition).pointee.offset = offset
      var deletion = rd_kafka_DeleteRecords_new(list)
      defer { rd_kafka_DeleteRecords_destroy(deletion) }
      try request(client, "delete records of \(topic)") { rd_kafka_DeleteRecords(client, &deletion, 1, nil, $0) } results: { _, _ in nil }
    }
  }

  /// Makes an admin request and waits for its answer.
  private func request(
    _ client: OpaquePointer, _ what: String, _ send: (OpaquePointer?) -> Void, results: (OpaquePointer?, inout Int) -> [rd_kafka_resp_err_t]?
  ) throws {
    let queue = rd_kafka_queue_new(client)
    defer { rd_kafka_queue_destroy(queue) }
    send(queue)
    guard let event = rd_kafka_queue_poll(queue, 30_000) else { throw TestClientError("\(what): no answer") }
    defer { rd_kafka_event_destroy(event) }
    try check(rd_kafka_event_error(event), what)
    var count = 0
    for code in results(event, &count) ?? [] { try check(code, what) }
  }
}
