import SheafKafka

/// Reads a run's topics and audits them.
public struct AuditRun {
  public var requests: [String]
  public var replies: [String]
  public var deadLetters: String?
  /// Its committed offsets are checked too.
  public var group: String?
  public var requirements: Audit.Requirements
  /// Records with a null value are skipped by the workers, and require nothing.
  public var skipsNull = false
  /// Sees every request and reply besides, for checks of their content.
  public var onRequest: (Audit.RequestID, Message) throws -> Void = { _, _ in }
  public var onReply: (Audit.RequestID, Message) throws -> Void = { _, _ in }

  public init(requests: [String], replies: [String], deadLetters: String? = nil, group: String? = nil) {
    self.requests = requests
    self.replies = replies
    self.deadLetters = deadLetters
    self.group = group
    requirements = .init(errorReply: !replies.isEmpty, deadLetter: deadLetters != nil)
  }

  /// - Throws: `KafkaError` where the cluster does not answer, or a topic is not there.
  public func run(_ properties: [(String, String)]) throws -> AuditReport {
    let reader = try TopicReader(properties)
    let ranges = try requests.map { (topic: $0, offsets: try reader.offsets($0)) }
    // In this order, so that a run that goes on is not wronged: what is committed now was answered before.
    let committed = try self.committed(reader, ranges)
    var audit = Audit(ranges, requirements: requirements)
    for (topic, range) in ranges.enumerated() {
      try reader.read(range.topic, range.offsets) { message in
        if skipsNull, message.value.baseAddress == nil { return }
        let id = Audit.RequestID(topic: topic, partition: Int(message.partition), offset: message.offset)
        audit.request(id)
        try onRequest(id, message)
      }
    }
    var places = 0
    for topic in replies {
      let offsets = try reader.offsets(topic)
      try reader.read(topic, offsets) { message in
        guard let text = message.header("sheaf_id"), let id = audit.id(text) else { return audit.unlabelled() }
        let code = message.header("sheaf_error").map { String(decoding: $0, as: UTF8.self) }
        audit.reply(to: id, place: places + Int(message.partition), code: code)
        try onReply(id, message)
      }
      places += offsets.count
    }
    if let deadLetters {
      try reader.read(deadLetters) { message in
        guard let topic = message.header("__dlq.errors.topic"), let partition = message.header("__dlq.errors.partition"),
          let offset = message.header("__dlq.errors.offset"), let id = audit.id(topic: topic, partition: partition, offset: offset)
        else { return audit.unlabelled() }
        audit.deadLetter(of: id)
      }
    }
    return audit.report(committed: committed)
  }

  private func committed(_ reader: TopicReader, _ ranges: [(topic: String, offsets: [Range<Int64>])]) throws -> [Audit.RequestID] {
    guard let group else { return [] }
    return try ranges.enumerated().flatMap { place, range in
      try reader.committed(group, range.offsets.indices.map { TopicPartition(range.topic, Int32($0)) })
        .map { Audit.RequestID(topic: place, partition: Int($0.partition.partition), offset: $0.offset) }
    }
  }
}
