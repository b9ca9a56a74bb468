import CLibrdkafka
import CPlatform
import Glibc

/// Sends requests and receives their replies: the requesting side, for `sheaf send`.
///
/// It reads the reply topic from where it ended when the client was made, without joining a group. Used by one thread.
public final class RequestClient {
  public struct Reply {
    public var correlation: [UInt8]
    public var value: [UInt8]
    /// The fault's code where it is an error reply.
    public var error: String?
  }

  private let producer: Producer
  private let requests: Producer.Topic
  private let outgoing = Outgoing()
  private let consumer: Consumer
  private let descriptor: Int32
  private let messages = UnsafeMutablePointer<Message>.allocate(capacity: Consumer.chunk)

  /// - Throws: `KafkaError` where the cluster does not answer within `timeout` milliseconds, or a topic is not there.
  public init(_ properties: [(String, String)], requests: String, replies: String, timeout: Int32) throws {
    let topics = try Admin(properties).topics(timeout: timeout)
    for topic in [requests, replies] where topics[topic] == nil {
      throw KafkaError.noTopic(topic)
    }
    descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
    // A group id is asked for, though no group is joined.
    consumer = try Consumer(properties + [("group.id", "sheaf-send"), ("enable.auto.commit", "false"), ("enable.partition.eof", "false")], wakeup: descriptor)
    producer = try Producer(properties + [("linger.ms", "5")])
    self.requests = try producer.topic(requests)
    try consumer.assign((0..<topics[replies]!).map { partition in
      let place = TopicPartition(replies, Int32(partition))
      return PartitionOffset(place, try consumer.watermarks(place, timeout: timeout).high)
    })
  }

  deinit {
    // The descriptor stays open: librdkafka writes to it until the consumer is gone, which is after this.
    messages.deallocate()
  }

  /// Sends one request, waiting for room in the producer's queue.
  public func send(_ value: [UInt8], key: [UInt8]? = nil, correlation: [UInt8], contentType: String?) throws {
    while true {
      outgoing.dropHeaders()
      correlation.withUnsafeBytes { outgoing.addHeader("kafka_correlationId", $0) }
      if let contentType { Array(contentType.utf8).withUnsafeBytes { outgoing.addHeader("content-type", $0) } }
      let outcome = value.withUnsafeBytes { value in
        // An empty value is not a null one.
        let value = value.baseAddress == nil ? UnsafeRawBufferPointer(start: UnsafeRawPointer(outgoing.anyAddress), count: 0) : value
        return (key ?? []).withUnsafeBytes { outgoing.send(by: producer, to: requests, key: key == nil ? .init(start: nil, count: 0) : $0, value: value, opaque: 0) }
      }
      switch outcome {
      case .sent: return
      case .full: try serveReports(timeout: 100)
      case .failed(let error): throw error
      }
    }
  }

  /// Waits up to `milliseconds` for replies; gives those that are there.
  public func receive(_ milliseconds: Int32) throws -> [Reply] {
    try serveReports(timeout: 0)
    while let event = consumer.nextEvent() {
      if case .error(let error) = event, error.isFatal { throw error }
    }
    var count = consumer.take(Consumer.chunk, into: messages)
    if count == 0 {
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      _ = Glibc.poll(&poll, 1, milliseconds)
      var flag: UInt64 = 0
      _ = read(descriptor, &flag, 8)
      count = consumer.take(Consumer.chunk, into: messages)
    }
    var replies: [Reply] = []
    for index in 0..<count {
      let message = messages[index]
      defer { Message.destroy(message.handle) }
      if let error = message.error { throw error }
      guard let correlation = message.header("kafka_correlationId") else { continue }
      replies.append(Reply(correlation: Array(correlation), value: Array(message.value), error: message.header("sheaf_error").map { String(decoding: $0, as: UTF8.self) }))
    }
    return replies
  }

  private func serveReports(timeout: Int32) throws {
    while true {
      switch producer.nextEvent(timeout: timeout) {
      case .deliveries(var deliveries):
        while let delivery = deliveries.next() { if let error = delivery.error { throw error } }
        if timeout > 0 { return }
      case .error(let error): if error.isFatal { throw error }
      case nil: return
      }
    }
  }
}
