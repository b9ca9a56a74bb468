import CLibrdkafka
import Glibc

/// A group consumer whose records come from a queue of their own and everything else as events.
///
/// Partitions of `lowerTopics` have a records queue of their own, and prefetch thresholds of their own with it.
///
/// Used by one thread. All queues write to the descriptor given at `init` when they turn non-empty; they are edge-triggered, so
/// drain all before sleeping on it. Never pauses: see `hold(_:_:)`.
public final class Consumer {
  /// What comes on the control queue.
  public enum Event {
    case assign([TopicPartition])
    /// `lost`: the group has given the partitions away already; nothing of them may be committed.
    case revoke([TopicPartition], lost: Bool)
    /// The answer to `commit(_:)`.
    case committed([PartitionOffset], KafkaError?)
    /// librdkafka's statistics, as JSON; only with `statistics.interval.ms`.
    case statistics(String)
    case error(KafkaError)
  }

  let client: OpaquePointer
  private let control: OpaquePointer
  private let records: OpaquePointer
  private let lower: OpaquePointer
  private let handles: UnsafeMutablePointer<Message.Handle?>
  private var closed = false

  /// Where messages are taken from.
  public enum Queue {
    case upper
    /// That of `lowerTopics`.
    case lower
  }

  /// Topics whose messages come from the lower queue; of partitions that are assigned from now on.
  public var lowerTopics: Set<String> = []

  /// The most messages one `take` gives.
  public static let chunk = 1000

  /// - Throws: `KafkaError` where librdkafka refuses a property.
  public init(_ properties: [(String, String)], wakeup descriptor: Int32) throws {
    let conf = try Properties(properties)
    rd_kafka_conf_set_events(conf.raw, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_STATS)
    client = try conf.client(RD_KAFKA_CONSUMER)
    rd_kafka_poll_set_consumer(client)
    control = rd_kafka_queue_get_consumer(client)
    records = rd_kafka_queue_new(client)
    lower = rd_kafka_queue_new(client)
    var one: UInt64 = 1
    rd_kafka_queue_io_event_enable(control, descriptor, &one, 8)
    rd_kafka_queue_io_event_enable(records, descriptor, &one, 8)
    rd_kafka_queue_io_event_enable(lower, descriptor, &one, 8)
    handles = .allocate(capacity: Consumer.chunk)
  }

  public func subscribe(_ topics: [String]) throws {
    let list = PartitionList(topics: topics)
    try check(rd_kafka_subscribe(client, list.raw))
  }

  /// The next event of the control queue, without waiting.
  public func nextEvent() -> Event? {
    while let event = rd_kafka_queue_poll(control, 0) {
      defer { rd_kafka_event_destroy(event) }
      let code = rd_kafka_event_error(event)
      switch rd_kafka_event_type(event) {
      case RD_KAFKA_EVENT_REBALANCE:
        let partitions = partitionOffsets(rd_kafka_event_topic_partition_list(event)).map(\.partition)
        if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS { return .assign(partitions) }
        return .revoke(partitions, lost: rd_kafka_assignment_lost(client) != 0)
      case RD_KAFKA_EVENT_OFFSET_COMMIT:
        let failed = code != RD_KAFKA_RESP_ERR_NO_ERROR
        return .committed(partitionOffsets(rd_kafka_event_topic_partition_list(event)), failed ? KafkaError(code) : nil)
      case RD_KAFKA_EVENT_STATS: return .statistics(String(cString: rd_kafka_event_stats(event)))
      case RD_KAFKA_EVENT_ERROR:
        var error = KafkaError(code, String(cString: rd_kafka_event_error_string(event)))
        error.isFatal = rd_kafka_event_error_is_fatal(event) != 0
        return .error(error)
      default: continue
      }
    }
    return nil
  }

  /// Takes up to `most` (at most `Consumer.chunk`) messages that are there already. The caller owns them.
  public func take(_ most: Int, from queue: Queue = .upper, into messages: UnsafeMutablePointer<Message>) -> Int {
    let count = rd_kafka_consume_batch_queue(queue == .upper ? records : lower, 0, handles, min(most, Consumer.chunk))
    guard count > 0 else { return 0 }
    for index in 0..<count { (messages + index).initialize(to: Message(handles[index]!)) }
    return count
  }

  /// Answers an assign event: reading begins at the offsets given.
  public func assign(_ partitions: [PartitionOffset]) throws {
    for each in partitions { hold(each.partition, false) }
    let list = PartitionList(partitions)
    if isCooperative { try check(rd_kafka_incremental_assign(client, list.raw)) } else { try check(rd_kafka_assign(client, list.raw)) }
  }

  /// Answers a revoke event.
  public func unassign(_ partitions: [TopicPartition]) throws {
    let list = PartitionList(partitions.map { PartitionOffset($0, Int64(RD_KAFKA_OFFSET_INVALID)) })
    if isCooperative { try check(rd_kafka_incremental_unassign(client, list.raw)) } else { try check(rd_kafka_assign(client, nil)) }
  }

  /// Takes a partition out of the records queue, or puts it back: nothing is fetched twice and what is already queued still
  /// comes, where pausing throws the prefetch away.
  public func hold(_ partition: TopicPartition, _ held: Bool) {
    guard let queue = rd_kafka_queue_get_partition(client, partition.topic, partition.partition) else { return }
    rd_kafka_queue_forward(queue, held ? nil : lowerTopics.contains(partition.topic) ? lower : records)
    rd_kafka_queue_destroy(queue)
  }

  /// Asks for a commit; its outcome comes as an event. Never blocks.
  public func commit(_ offsets: [PartitionOffset]) throws {
    let list = PartitionList(offsets)
    try check(rd_kafka_commit_queue(client, list.raw, control, nil, nil))
  }

  /// The group's committed offsets, -1001 where there is none. Blocks up to `timeout` milliseconds.
  public func committed(_ partitions: [TopicPartition], timeout: Int32) throws -> [PartitionOffset] {
    let list = PartitionList(partitions.map { PartitionOffset($0, Int64(RD_KAFKA_OFFSET_INVALID)) })
    try check(rd_kafka_committed(client, list.raw, timeout))
    // "No offset" and "not known now" look alike but for this.
    for value in list.values where value.errorCode != 0 { throw KafkaError(rd_kafka_resp_err_t(rawValue: value.errorCode)) }
    return list.values
  }

  /// First and next offset of a partition. Blocks up to `timeout` milliseconds, three times where the leader has moved.
  public func watermarks(_ partition: TopicPartition, timeout: Int32) throws -> (low: Int64, high: Int64) {
    var low: Int64 = 0, high: Int64 = 0
    func ask() -> rd_kafka_resp_err_t { rd_kafka_query_watermark_offsets(client, partition.topic, partition.partition, &low, &high, timeout) }
    var code = ask()
    if code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION {
      // Of a topic that is not being read librdkafka goes on asking whom it once knew as the leader: it has to be told to look again.
      let topic = rd_kafka_topic_new(client, partition.topic, nil)
      defer { if let topic { rd_kafka_topic_destroy(topic) } }
      var metadata: UnsafePointer<rd_kafka_metadata>?
      if rd_kafka_metadata(client, 0, topic, &metadata, timeout) == RD_KAFKA_RESP_ERR_NO_ERROR { rd_kafka_metadata_destroy(metadata) }
      code = ask()
    }
    try check(code)
    return (low, high)
  }

  /// The offset of the first record whose timestamp is `time` or later (milliseconds since 1970); nil: there is none. Blocks up to
  /// `timeout` milliseconds.
  public func offset(_ partition: TopicPartition, since time: Int64, timeout: Int32) throws -> Int64? {
    let list = PartitionList([PartitionOffset(partition, time)])
    try check(rd_kafka_offsets_for_times(client, list.raw, timeout))
    guard let found = list.values.first else { return nil }
    if found.errorCode != 0 { throw KafkaError(rd_kafka_resp_err_t(rawValue: found.errorCode)) }
    return found.offset >= 0 ? found.offset : nil
  }

  /// A topic's number of partitions; 0 where there is no such topic. Blocks up to `timeout` milliseconds.
  public func partitions(_ topic: String, timeout: Int32) throws -> Int {
    let handle = rd_kafka_topic_new(client, topic, nil)
    guard let handle else { return 0 }
    defer { rd_kafka_topic_destroy(handle) }
    var metadata: UnsafePointer<rd_kafka_metadata>?
    try check(rd_kafka_metadata(client, 0, handle, &metadata, timeout))
    defer { rd_kafka_metadata_destroy(metadata) }
    guard let found = metadata?.pointee, found.topic_cnt == 1 else { return 0 }
    return Int(found.topics[0].partition_cnt)
  }

  /// Begins to leave the group; go on with `nextEvent` and answer what comes until `isClosed`.
  public func beginClose() {
    if let error = rd_kafka_consumer_close_queue(client, control) { rd_kafka_error_destroy(error) }
  }

  public var isClosed: Bool { rd_kafka_consumer_closed(client) != 0 }

  private var isCooperative: Bool {
    rd_kafka_rebalance_protocol(client).map { strcmp($0, "COOPERATIVE") == 0 } ?? false
  }

  deinit {
    rd_kafka_queue_io_event_enable(control, -1, nil, 0)
    rd_kafka_queue_io_event_enable(records, -1, nil, 0)
    rd_kafka_queue_io_event_enable(lower, -1, nil, 0)
    let clean = isClosed
    rd_kafka_queue_destroy(records)
    rd_kafka_queue_destroy(lower)
    rd_kafka_queue_destroy(control)
    if clean {
      rd_kafka_destroy(client)
    } else {
      // A consumer that could not leave waits for answers of a broker that is gone, even when it is told not to: nobody else shall.
      var thread = pthread_t()
      if pthread_create(&thread, nil, destroyUnclosed, UnsafeMutableRawPointer(client)) == 0 { pthread_detach(thread) }
    }
    handles.deallocate()
  }
}

/// Throws what a call answered, unless that was success.
func check(_ code: rd_kafka_resp_err_t) throws(KafkaError) {
  if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
}

/// The same for calls that answer with an error object, which is freed.
func check(_ error: OpaquePointer?) throws(KafkaError) {
  guard let error else { return }
  var thrown = KafkaError(rd_kafka_error_code(error), String(cString: rd_kafka_error_string(error)))
  thrown.isFatal = rd_kafka_error_is_fatal(error) != 0
  rd_kafka_error_destroy(error)
  throw thrown
}

private func destroyUnclosed(_ client: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  rd_kafka_destroy_flags(OpaquePointer(client), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
  return nil
}
