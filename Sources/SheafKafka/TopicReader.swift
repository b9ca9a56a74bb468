import CPlatform
import Glibc

/// Reads topics from their beginning to their present end, outside of any group. Used by one thread.
public final class TopicReader {
  private let admin: Admin
  private let properties: [(String, String)]
  private let timeout: Int32

  /// - Parameters:
  ///   - properties: as a consumer's; of transactions, committed records alone are read.
  ///   - timeout: milliseconds a question to the cluster may take, and a topic may give nothing before its end.
  public init(_ properties: [(String, String)], timeout: Int32 = 30_000) throws {
    self.properties = properties.filter { $0.0 != "group.id" } + [
      // A group id is asked for, though no group is joined.
      ("group.id", "sheaf-reader"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true"), ("isolation.level", "read_committed"),
      ("auto.offset.reset", "earliest"), ("fetch.wait.max.ms", "10"), ("queued.min.messages", "1000000"), ("queued.max.messages.kbytes", "262144"),
    ]
    self.timeout = timeout
    admin = try Admin(self.properties)
  }

  /// The first and the next offset of every partition of a topic, now.
  /// - Throws: `KafkaError` where there is no such topic, or no answer.
  public func offsets(_ topic: String) throws -> [Range<Int64>] {
    guard let count = try admin.topics(timeout: timeout)[topic] else { throw KafkaError.noTopic(topic) }
    // What an open transaction has written is part of it: reading waits until that is committed or aborted.
    let consumer = try Consumer(properties + [("isolation.level", "read_uncommitted")], wakeup: -1)
    return try (0..<count).map { partition in
      let (low, high) = try consumer.watermarks(TopicPartition(topic, Int32(partition)), timeout: timeout)
      return low..<max(low, high)
    }
  }

  /// Gives every record of a topic to `body`; each partition's in order, the partitions mixed.
  /// - Parameter offsets: as `offsets(_:)` gave them; nil: to the end as it is now.
  public func read(_ topic: String, _ offsets: [Range<Int64>]? = nil, _ body: (Message) throws -> Void) throws {
    let offsets = try offsets ?? self.offsets(topic)
    var open = Set(offsets.indices.filter { !offsets[$0].isEmpty }.map { Int32($0) })
    guard !open.isEmpty else { return }
    let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    let consumer = try Consumer(properties, wakeup: descriptor)
    // The descriptor stays open where the consumer is: librdkafka writes to it until the last of its threads has ended.
    let messages = UnsafeMutablePointer<Message>.allocate(capacity: Consumer.chunk)
    defer { messages.deallocate() }
    try consumer.assign(open.map { PartitionOffset(TopicPartition(topic, $0), offsets[Int($0)].lowerBound) })

    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while !open.isEmpty {
      // Connections come and go; what is final comes with a message.
      while let event = consumer.nextEvent() { if case .error(let error) = event, error.isFatal { throw error } }
      let count = consumer.take(Consumer.chunk, into: messages)
      if count == 0 {
        guard poll(&wait, 1, timeout) > 0 else {
          throw KafkaError.silent("\(topic): nothing came for \(timeout / 1000) s, before the end of partition \(open.min()!)")
        }
        var flag: UInt64 = 0
        _ = Glibc.read(descriptor, &flag, 8)
        continue
      }
      defer { for index in 0..<count { Message.destroy(messages[index].handle) } }
      for index in 0..<count {
        let message = messages[index]
        let end = offsets[Int(message.partition)].upperBound
        // (An end is told again when more has come.)
        if message.isEndOfPartition {
          if message.offset >= end { open.remove(message.partition) }
          continue
        }
        if let error = message.error { throw error }
        if message.offset < end { try body(message) }
        if message.offset + 1 >= end { open.remove(message.partition) }
      }
    }
  }

  /// The group's committed offsets, below 0 where there is none.
  public func committed(_ group: String, _ partitions: [TopicPartition]) throws -> [PartitionOffset] {
    try Admin(properties.filter { $0.0 != "group.id" } + [("group.id", group)]).committed(partitions, timeout: timeout)
  }
}
