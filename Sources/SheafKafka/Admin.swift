import CLibrdkafka
import Glibc

/// Looks at a cluster without joining anything.
public final class Admin {
  private let client: OpaquePointer
  private let queue: OpaquePointer

  /// - Parameter properties: as a consumer's; `group.id` for `committed`.
  /// - Throws: `KafkaError` where librdkafka refuses a property.
  public init(_ properties: [(String, String)]) throws {
    // What goes wrong is thrown, with the reason; not logged besides.
    // Reading offsets must not wait for the open transaction of a worker that was killed.
    let conf = try Properties(properties + [("log_level", "0"), ("isolation.level", "read_uncommitted")])
    rd_kafka_conf_set_events(conf.raw, RD_KAFKA_EVENT_ERROR)
    client = try conf.client(RD_KAFKA_CONSUMER)
    queue = rd_kafka_queue_get_main(client)
  }

  /// Every topic and its number of partitions. Blocks up to `timeout` milliseconds; topics are not created by asking.
  public func topics(timeout: Int32) throws -> [String: Int] {
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let code = rd_kafka_metadata(client, 1, nil, &metadata, timeout)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw reason(code) }
    defer { rd_kafka_metadata_destroy(metadata) }
    var topics: [String: Int] = [:]
    for index in 0..<Int(metadata.pointee.topic_cnt) {
      let topic = metadata.pointee.topics[index]
      if topic.err == RD_KAFKA_RESP_ERR_NO_ERROR { topics[String(cString: topic.topic)] = Int(topic.partition_cnt) }
    }
    return topics
  }

  /// A setting of each topic that tells it; fewer than asked for where the cluster does not say (it may take no such requests, or
  /// not from this user). Blocks up to `timeout` milliseconds.
  public func setting(_ name: String, of topics: [String], timeout: Int32) -> [String: String] {
    var resources: [OpaquePointer?] = topics.map { rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0) }
    defer { for resource in resources { rd_kafka_ConfigResource_destroy(resource) } }
    let options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
    defer { rd_kafka_AdminOptions_destroy(options) }
    var reason = [CChar](repeating: 0, count: 256)
    rd_kafka_AdminOptions_set_request_timeout(options, timeout, &reason, reason.count)
    let answers = rd_kafka_queue_new(client)
    defer { rd_kafka_queue_destroy(answers) }
    rd_kafka_DescribeConfigs(client, &resources, resources.count, options, answers)
    guard let event = rd_kafka_queue_poll(answers, timeout) else { return [:] }
    defer { rd_kafka_event_destroy(event) }
    var found: [String: String] = [:], count = 0
    guard let described = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count) else { return [:] }
    for index in 0..<count where rd_kafka_ConfigResource_error(described[index]) == RD_KAFKA_RESP_ERR_NO_ERROR {
      var entryCount = 0
      guard let entries = rd_kafka_ConfigResource_configs(described[index], &entryCount) else { continue }
      for place in 0..<entryCount where String(cString: rd_kafka_ConfigEntry_name(entries[place])) == name {
        if let value = rd_kafka_ConfigEntry_value(entries[place]) { found[String(cString: rd_kafka_ConfigResource_name(described[index]))] = String(cString: value) }
      }
    }
    return found
  }

  /// The group's committed offsets, below 0 where there is none. Blocks up to `timeout` milliseconds.
  public func committed(_ partitions: [TopicPartition], timeout: Int32) throws -> [PartitionOffset] {
    let list = PartitionList(partitions.map { PartitionOffset($0, Int64(RD_KAFKA_OFFSET_INVALID)) })
    var code = rd_kafka_committed(client, list.raw, timeout)
    // A coordinator that has just come up or moved is not ready for a moment.
    let passing = [RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR]
    for _ in 0..<max(1, timeout / 200) where passing.contains(code) {
      usleep(200_000)
      code = rd_kafka_committed(client, list.raw, timeout)
    }
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw reason(code) }
    for value in list.values where value.errorCode != 0 { throw KafkaError(rd_kafka_resp_err_t(rawValue: value.errorCode)) }
    return list.values
  }

  /// The error, with what the client last said of its connections: a bare time-out helps nobody.
  private func reason(_ code: rd_kafka_resp_err_t) -> KafkaError {
    var last: String?
    while let event = rd_kafka_queue_poll(queue, 0) {
      if rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR, rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
        last = String(cString: rd_kafka_event_error_string(event))
      }
      rd_kafka_event_destroy(event)
    }
    return KafkaError(code, last)
  }

  deinit {
    rd_kafka_queue_destroy(queue)
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
  }
}
