import CLibrdkafka
import Glibc

/// What tests, the demo and the benchmarks do with a Kafka besides running workers on it. Every call opens and closes its own
/// connection.
public struct TestClient: Sendable {
  public let bootstrap: String

  public init(bootstrap: String) { self.bootstrap = bootstrap }

  /// Sends records and waits until all are acknowledged.
  public func produce(_ topic: String, _ records: some Sequence<TestRecord>, properties: [String: String] = [:]) throws {
    let producer = try TestProducer(bootstrap: bootstrap, properties: properties)
    for record in records { try producer.send(topic, record) }
    try producer.flush()
  }

  /// Records of all partitions from the beginning, until there are `count`, or `seconds` are over.
  public func consume(_ topic: String, count: Int, seconds: Double = 30, properties: [String: String] = [:]) throws -> [TestRecord] {
    let consumer = try TestConsumer(bootstrap: bootstrap, topic: topic, properties: properties)
    let deadline = monotonicSeconds() + seconds
    var records: [TestRecord] = []
    while records.count < count, monotonicSeconds() < deadline {
      records += try consumer.poll(seconds: min(0.5, deadline - monotonicSeconds()))
    }
    return records
  }

  /// A topic's number of partitions; 0 where it does not exist.
  public func partitions(_ topic: String) throws -> Int {
    try withClient { try partitionCount($0, topic) }
  }

  /// The committed offset of each partition; -1 where there is none.
  public func committed(_ group: String, _ topic: String) throws -> [Int64] {
    try withClient(["group.id": group, "isolation.level": "read_uncommitted"]) { client in
      try withPartitions(topic, try partitionCount(client, topic)) { list in
        var code = rd_kafka_committed(client, list, 10_000)
        // A coordinator that has just come up or moved is not ready for a moment.
        for _ in 0..<50 where [RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR].contains(code) {
          usleep(100_000)
          code = rd_kafka_committed(client, list, 10_000)
        }
        try check(code, "committed offsets of \(group)")
        return (0..<Int(list.pointee.cnt)).map { max(-1, list.pointee.elems[$0].offset) }
      }
    }
  }

  /// Sets the committed offset of every partition, of a group without members.
  public func commit(_ group: String, _ topic: String, _ offset: Int64) throws {
    try withClient(["group.id": group]) { client in
      try withPartitions(topic, try partitionCount(client, topic)) { list in
        for index in 0..<Int(list.pointee.cnt) { list.pointee.elems[index].offset = offset }
        try check(rd_kafka_commit(client, list, 0), "commit of \(group)")
      }
    }
  }

  /// The end offset of each partition.
  public func endOffsets(_ topic: String) throws -> [Int64] {
    try withClient { client in
      try (0..<partitionCount(client, topic)).map { partition in
        var (low, high) = (Int64(), Int64())
        try check(rd_kafka_query_watermark_offsets(client, topic, Int32(partition), &low, &high, 10_000), "end offset of \(topic)")
        return high
      }
    }
  }

  /// Creates a topic by an admin request (which the embedded broker does not take). Returns when it can be used.
  public func createTopic(_ name: String, partitions: Int, copies: Int = 1, settings: [String: String] = [:]) throws {
    try withClient(type: RD_KAFKA_PRODUCER) { client in
      var reason = [CChar](repeating: 0, count: 512)
      var topic = rd_kafka_NewTopic_new(name, Int32(partitions), Int32(copies), &reason, reason.count)
      guard topic != nil else {
        throw TestClientError("topic \(name): \(reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })")
      }
      defer { rd_kafka_NewTopic_destroy(topic) }
      for (key, value) in settings { rd_kafka_NewTopic_set_config(topic, key, value) }
      let queue = rd_kafka_queue_new(client)
      defer { rd_kafka_queue_destroy(queue) }
      rd_kafka_CreateTopics(client, &topic, 1, nil, queue)
      guard let event = rd_kafka_queue_poll(queue, 30_000) else { throw TestClientError("create topic \(name): no answer") }
      defer { rd_kafka_event_destroy(event) }
      try check(rd_kafka_event_error(event), "create topic \(name)")
      var count = 0
      if let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count) {
        for index in 0..<count { try check(rd_kafka_topic_result_error(results[index]), "create topic \(name)") }
      }
      // The controller has it; a broker hears of it a moment later.
      looks(for: 4) { (try? partitionCount(client, name)) == partitions }
    }
  }

  /// Whether every copy of every partition of these topics is up to date.
  public func isInSync(_ topics: [String]) -> Bool {
    let found = try? withClient { client in
      try topics.allSatisfy { topic in
        let handle = rd_kafka_topic_new(client, topic, nil)
        defer { rd_kafka_topic_destroy(handle) }
        var metadata: UnsafePointer<rd_kafka_metadata>?
        try check(rd_kafka_metadata(client, 0, handle, &metadata, 5000), "metadata of \(topic)")
        defer { rd_kafka_metadata_destroy(metadata) }
        guard let found = metadata?.pointee, found.topic_cnt == 1 else { return false }
        let partitions = UnsafeBufferPointer(start: found.topics[0].partitions, count: Int(found.topics[0].partition_cnt))
        return !partitions.isEmpty && partitions.allSatisfy { $0.isr_cnt == $0.replica_cnt && $0.leader >= 0 }
      }
    }
    return found ?? false
  }

  /// Whether a broker answers.
  public func answers(within seconds: Double) -> Bool {
    let found = try? withClient { client in
      var metadata: UnsafePointer<rd_kafka_metadata>?
      try check(rd_kafka_metadata(client, 0, nil, &metadata, Int32(seconds * 1000)), "metadata")
      defer { rd_kafka_metadata_destroy(metadata) }
      return (metadata?.pointee.broker_cnt ?? 0) > 0
    }
    return found ?? false
  }

  func withClient<Result>(
    type: rd_kafka_type_t = RD_KAFKA_CONSUMER, _ properties: [String: String] = [:], _ body: (OpaquePointer) throws -> Result
  ) throws -> Result {
    let client = try makeClient(type, properties.merging(["bootstrap.servers": bootstrap]) { $1 })
    defer { rd_kafka_destroy(client) }
    return try body(client)
  }
}
