import SheafTesting

/// Sends texts and takes the replies, by correlation id, with a bound on how many are under way.
final class Exchange {
  struct Reply {
    /// Seconds from handing the text to the client until the reply was here.
    var latency: Double
    /// Rows of the batch that it was in; `nil` where the worker does not say.
    var batch: Int?
    /// `nil`: an error reply.
    var embedding: [Float]?
    /// The beginning of an error reply.
    var error: String?
  }

  /// More than both workers' batches, running and waiting, so that neither is ever short; and few enough that latency is about
  /// batches, not about our own queue.
  static let outstanding = 256
  /// A worker that has nothing to say for so long is stuck.
  private static let patience = 60.0

  /// One a text, in the order of sending; `nil`: not answered.
  private(set) var replies: [Reply?] = []
  /// Replies to what had been answered before: at least once means that there may be some.
  private(set) var duplicates = 0

  private let producer: TestProducer
  private let consumer: TestConsumer
  private let workers: DemoWorkers
  private var sentAt: [Double] = []
  private var answered = 0

  init(bootstrap: String, workers: DemoWorkers) throws {
    // Small batches: a lone text must not wait for company here.
    producer = try TestProducer(bootstrap: bootstrap, properties: ["linger.ms": "1"])
    consumer = try TestConsumer(bootstrap: bootstrap, topic: DemoWorkers.replies)
    self.workers = workers
  }

  /// Sends texts and returns when all are answered.
  /// - Returns: the replies' places in `replies`.
  func ask(_ texts: [String], progress: (_ answered: Int) -> Void = { _ in }) throws -> Range<Int> {
    let range = replies.count..<replies.count + texts.count
    let before = answered
    var lastReply = monotonicSeconds()
    while answered < range.upperBound {
      while sentAt.count < range.upperBound, sentAt.count - answered < Self.outstanding {
        try send(texts[sentAt.count - range.lowerBound])
      }
      let records = try consumer.poll(seconds: 0.1)
      let now = monotonicSeconds()
      for record in records { take(record, at: now) }
      if !records.isEmpty { lastReply = now }
      guard now - lastReply < Self.patience else { break }
      try workers.checkRunning()
      progress(answered - before)
    }
    try producer.flush()
    return range
  }

  private func send(_ text: String) throws {
    let index = sentAt.count
    sentAt.append(monotonicSeconds())
    replies.append(nil)
    try producer.send(
      DemoWorkers.requests, TestRecord(text, headers: ["kafka_correlationId": String(index)], partition: Int32(index % Demo.partitions)))
  }

  private func take(_ record: TestRecord, at now: Double) {
    guard let index = record.header("kafka_correlationId").flatMap({ Int($0) }), replies.indices.contains(index) else { return }
    guard replies[index] == nil else {
      duplicates += 1
      return
    }
    let embedding = Embedding.read(record.value ?? [])
    replies[index] = Reply(
      latency: now - sentAt[index], batch: record.header("sheaf_batch").flatMap { Int($0) }, embedding: embedding,
      error: embedding == nil ? String(record.text.prefix(200)) : nil)
    answered += 1
  }
}
