import CLibrdkafka
import Glibc

/// A partition of a topic, with an offset where one belongs to it.
public struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
  public var topic: String
  public var partition: Int32

  public init(_ topic: String, _ partition: Int32) {
    self.topic = topic
    self.partition = partition
  }

  public var description: String { "\(topic)/\(partition)" }
}

/// A partition with the offset of the next record to be read, and what came of asking for or committing it.
public struct PartitionOffset: Hashable, Sendable {
  public var partition: TopicPartition
  /// -1 and below: none.
  public var offset: Int64
  /// A short string kept beside a committed offset; nil: none.
  public var metadata: String?
  /// librdkafka's error code for this partition; 0: none.
  public var errorCode: Int32

  public init(_ partition: TopicPartition, _ offset: Int64, metadata: String? = nil, errorCode: Int32 = 0) {
    self.partition = partition
    self.offset = offset
    self.metadata = metadata
    self.errorCode = errorCode
  }
}

/// librdkafka's list of partitions, owned.
struct PartitionList: ~Copyable {
  let raw: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

  init(_ partitions: some Collection<PartitionOffset>) {
    raw = rd_kafka_topic_partition_list_new(Int32(partitions.count))
    for each in partitions {
      let element = rd_kafka_topic_partition_list_add(raw, each.partition.topic, each.partition.partition)!
      element.pointee.offset = each.offset
      guard let metadata = each.metadata else { continue }
      element.pointee.metadata = UnsafeMutableRawPointer(strdup(metadata))  // Freed with the list.
      element.pointee.metadata_size = metadata.utf8.count
    }
  }

  init(topics: [String]) {
    raw = rd_kafka_topic_partition_list_new(Int32(topics.count))
    for topic in topics { rd_kafka_topic_partition_list_add(raw, topic, RD_KAFKA_PARTITION_UA) }
  }

  deinit { rd_kafka_topic_partition_list_destroy(raw) }

  var values: [PartitionOffset] { partitionOffsets(raw) }
}

func partitionOffsets(_ list: UnsafePointer<rd_kafka_topic_partition_list_t>?) -> [PartitionOffset] {
  guard let list else { return [] }
  return (0..<Int(list.pointee.cnt)).map { index in
    let element = list.pointee.elems[index]
    let metadata = element.metadata.map { String(decoding: UnsafeRawBufferPointer(start: $0, count: element.metadata_size), as: UTF8.self) }
    return PartitionOffset(
      TopicPartition(String(cString: element.topic), element.partition), element.offset, metadata: metadata, errorCode: element.err.rawValue)
  }
}
