import Glibc
import Sheaf
import SheafTesting
import Testing

/// Transactions, on a real broker: the embedded one acknowledges them without meaning it.
@Suite(.serialized, .enabled(if: Brokers.available.contains(.real), "needs Apache Kafka: set KAFKA_HOME")) struct ExactlyOnceTests {
  private let committed = ["isolation.level": "read_committed"]

  /// Lanes that finish out of order, skipped and failed records among the others: each is answered once, and committed to the end.
  @Test func everyRecordIsAnsweredOnce() async throws {
    let stage = try Stage(.real), letters = uniqueName("letters")
    try stage.broker.createTopic(letters, partitions: 2)
    let count = 20_000
    try stage.broker.client.produce(stage.requests, (0..<count).map { index in
      let value: [UInt8]? = index % 100 == 7 ? nil : index % 100 == 9 ? [1, 2, 3] : row(index)
      return TestRecord(key: Array("key \(index)".utf8), value: value, headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: Int32(index % 4))
    })
    var configuration = stage.configuration
    configuration.delivery = .exactlyOnce
    configuration.topics.nullValue = .skip
    configuration.topics.deadLetters = letters
    configuration.lanes = 3
    configuration.batch.maxRows = 50
    let model = IdentityModel { batch in usleep(UInt32(batch.input(0)[0]) * 20) }
    try await Worker(model: model, configuration: configuration).run()

    let replies = try stage.broker.client.consume(stage.replies, count: count, seconds: 3, properties: committed)
    #expect(replies.count == count - count / 100)
    #expect(Set(replies.map { $0.header("sheaf_id") }).count == replies.count)
    #expect(replies.count { $0.header("sheaf_error") == "wrong-input" } == count / 100)
    #expect(try stage.broker.client.consume(letters, count: count, seconds: 2, properties: committed).count == count / 100)
    for reply in replies where reply.header("sheaf_error") == nil { #expect(reply.value == row(Int(reply.header("kafka_correlationId")!)!)) }
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [5000, 5000, 5000, 5000])
  }

  /// What a run left behind, as a reader of committed records sees it.
  private func check(_ stage: Stage, count: Int, partitions: Int) throws -> (lost: Int, duplicated: Int) {
    let reader = try TestConsumer(bootstrap: stage.broker.bootstrap, topic: stage.replies, properties: committed), begun = monotonicSeconds()
    var replies: [TestRecord] = []
    while replies.count < count, monotonicSeconds() - begun < 60 { replies += try reader.poll(seconds: 1) }
    // Whatever comes now is one too many.
    replies += try reader.poll(seconds: 2)
    var answers = [Int](repeating: 0, count: count)
    for reply in replies {
      let index = Int(reply.header("kafka_correlationId")!)!
      answers[index] += 1
      #expect(reply.value == row(index))
    }
    return (answers.count { $0 == 0 }, answers.count { $0 > 1 })
  }

  private func waitUntilCommitted(_ stage: Stage, _ count: Int, partitions: Int, seconds: Double = 90, _ onProgress: (Int) throws -> Void = { _ in }) throws {
    let begun = monotonicSeconds()
    while true {
      let committed = try stage.broker.client.committed(stage.group, stage.requests)
      let sum = Int(committed.map { max(0, $0) }.reduce(0, +))
      if sum == count { return }
      try onProgress(sum)
      try #require(monotonicSeconds() - begun < seconds, "committed only \(committed)")
      usleep(50_000)
    }
  }

  enum Member: String, CaseIterable, CustomTestStringConvertible {
    case dynamic, fixed, cooperative, newProtocol
    var testDescription: String { rawValue }
  }

  /// Workers killed, stopped beyond their session and continued, and restarted in the middle of transactions.
  @Test(arguments: Member.allCases) func killsAndPausesLoseAndRepeatNothing(_ member: Member) throws {
    let count = 24_000, partitions = 6
    let stage = try Stage(.real, partitions: partitions)
    try stage.produce(count, partitions: partitions)
    let newer = try member == .cooperative || member == .newProtocol ? Installed.newerLibrdkafka : nil
    func start(_ index: Int) throws -> ChildProcess {
      let kind = switch member {
      case .dynamic: [String]()
      case .fixed: ["group.instance.id=member-\(index)"]
      case .cooperative: ["partition.assignment.strategy=cooperative-sticky"]
      case .newProtocol: ["group.protocol=consumer"]
      }
      let session = member == .newProtocol ? [] : ["session.timeout.ms=3000", "heartbeat.interval.ms=300"]
      return try ChildProcess([
        try builtExecutable("TestWorker"), stage.broker.bootstrap, stage.group, stage.requests, stage.replies, "fetch.wait.max.ms=10", "delivery=exactly-once", "rows=32",
        "busy=10000", "lanes=3", "interval=50", "records=8000",
      ] + kind + session, environment: newer.map { ["LD_LIBRARY_PATH": $0] } ?? [:])
    }
    var workers = try (0..<3).map(start)
    var steps: [(at: Int, does: () throws -> Void)] = [
      (count / 8, { workers[0].signal(SIGKILL); workers[0] = try start(0) }),
      (count / 4, { workers[1].signal(SIGSTOP) }),
      (count * 2 / 5, { workers[1].signal(SIGCONT) }),
      (count / 2, { workers[2].signal(SIGKILL); workers[2] = try start(2) }),
      (count * 3 / 4, { workers[0].signal(SIGTERM); workers[0] = try start(0) }),
    ]
    try waitUntilCommitted(stage, count, partitions: partitions) { progress in
      if let next = steps.first, progress >= next.at {
        steps.removeFirst()
        try next.does()
      }
    }
    #expect(steps.isEmpty)
    for worker in workers { worker.signal(SIGTERM) }
    for worker in workers { _ = worker.wait(seconds: 30) }
    let (lost, duplicated) = try check(stage, count: count, partitions: partitions)
    #expect(lost == 0 && duplicated == 0, "\(lost) lost, \(duplicated) answered twice")
  }

  /// Under the reader's eyes nothing is out of order, though lanes finish out of order; in both delivery modes.
  @Test(arguments: WorkerConfiguration.Delivery.allCases) func repliesInOrder(_ delivery: WorkerConfiguration.Delivery) async throws {
    let stage = try Stage(.real, partitions: 2), count = 6000
    try stage.produce(count, partitions: 2)
    var configuration = stage.configuration
    configuration.delivery = delivery
    configuration.topics.order = .partition
    configuration.lanes = 4
    configuration.batch.maxRows = 10
    let model = IdentityModel { batch in usleep(UInt32(batch.input(0)[0] % 8) * 500) }
    try await Worker(model: model, configuration: configuration).run()
    let replies = try stage.broker.client.consume(stage.replies, count: count, seconds: 20, properties: committed)
    #expect(replies.count == count)
    // Of one request partition, in each reply partition.
    var last: [String: Int] = [:], disordered = 0
    for reply in replies {
      let parts = reply.header("sheaf_id")!.split(separator: "/"), place = "\(parts[1]) \(reply.partition)"
      if Int(parts[2])! < last[place] ?? -1 { disordered += 1 }
      last[place] = Int(parts[2])!
    }
    #expect(disordered == 0)
  }

  /// A reply that its topic does not take although the producer would: the requester gets an error, the neighbours their answers.
  @Test(arguments: WorkerConfiguration.Delivery.allCases) func aReplyThatCannotBeDeliveredBlocksNothing(_ delivery: WorkerConfiguration.Delivery) async throws {
    let stage = try Stage(.real, partitions: 1), letters = uniqueName("letters"), other = uniqueName("other")
    for topic in [letters, other] { try stage.broker.createTopic(topic, partitions: 1) }
    func request(_ index: Int, _ headers: [TestRecord.Header] = []) -> TestRecord {
      TestRecord(key: nil, value: row(index), headers: headers + [.init("kafka_correlationId", Array("\(index)".utf8))], partition: 0)
    }
    let named = TestRecord.Header("kafka_replyTopic", Array(other.utf8))
    try stage.broker.client.produce(stage.requests, [
      request(0), request(1, [.init("kafka_replyTopic", Array("nowhere".utf8))]), request(2, [named, .init("kafka_replyPartition", [0, 0, 0, 7])]),
      request(3, [named]), TestRecord(key: [UInt8](repeating: 65, count: 3000), value: row(4), headers: [.init("kafka_correlationId", [52])], partition: 0), request(5),
    ])
    var configuration = stage.configuration
    configuration.delivery = delivery
    configuration.topics.deadLetters = letters
    configuration.topics.allowedReplies = [other]
    configuration.kafka["message.max.bytes"] = "2500"
    try await Worker(model: IdentityModel(), configuration: configuration).run()
    let replies = try stage.broker.client.consume(stage.replies, count: 5, seconds: 10, properties: committed)
    #expect(Set(replies.map { "\($0.header("kafka_correlationId")!) \($0.header("sheaf_error") ?? "fine")" }) == ["0 fine", "1 bad-reply-topic", "2 bad-reply-topic", "4 too-large", "5 fine"])
    #expect(try stage.broker.client.consume(other, count: 1, seconds: 10, properties: committed).count == 1)
    #expect(try stage.broker.client.consume(letters, count: 3, seconds: 10, properties: committed).count == 3)
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [6])
  }

  /// A topic that would refuse whole batches of good replies is found before the first of them.
  @Test func aReplyTopicThatTakesLessThanABatchIsRefused() async throws {
    let stage = try Stage(.real), small = uniqueName("small")
    try stage.broker.client.createTopic(small, partitions: 1, settings: ["max.message.bytes": "20000"])
    var configuration = stage.configuration
    configuration.topics.replies = small
    await #expect { try await Worker(model: IdentityModel(), configuration: configuration).run() } throws: { "\($0)".hasSuffix("set kafka.batch.size: 20000") }
    try stage.produce(500)
    configuration.kafka["batch.size"] = "20000"
    try await Worker(model: IdentityModel(), configuration: configuration).run()
    #expect(try stage.broker.client.endOffsets(small).reduce(0, +) == 500)
  }

  /// What the topic refuses although the producer took it: the transaction is aborted, and the record answered with an error.
  @Test func aRefusalByTheBrokerCostsOnlyItsRecord() async throws {
    let stage = try Stage(.real, partitions: 1), small = uniqueName("small")
    try stage.broker.client.createTopic(small, partitions: 1, settings: ["max.message.bytes": "3000"])
    var configuration = stage.configuration
    configuration.topics.replies = small
    configuration.delivery = .exactlyOnce
    configuration.kafka["batch.size"] = "3000"
    configuration.kafka["transaction.timeout.ms"] = "60000"  // A busy machine must not be fenced meanwhile.
    try stage.broker.client.produce(stage.requests, (0..<60).map { index in
      TestRecord(key: index == 30 ? [UInt8](repeating: 65, count: 4000) : nil, value: row(index), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: 0)
    })
    try await Worker(model: IdentityModel(), configuration: configuration).run()
    let replies = try stage.broker.client.consume(small, count: 61, seconds: 3, properties: committed)
    #expect(replies.count == 60 && Set(replies.map { $0.header("kafka_correlationId") }).count == 60)
    #expect(replies.filter { $0.header("sheaf_error") != nil }.map { $0.header("kafka_correlationId") } == ["30"])
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [60])
  }

  /// What the producer itself refuses, after the checks have passed: the partition that a request names is gone by then. Nothing is
  /// committed past it without an answer.
  @Test(arguments: [WorkerConfiguration.Delivery.atLeastOnce, .exactlyOnce], WorkerConfiguration.Topics.Order.allCases)
  func aPlaceThatIsGoneIsTold(_ delivery: WorkerConfiguration.Delivery, _ order: WorkerConfiguration.Topics.Order) async throws {
    let stage = try Stage(.real, partitions: 1), other = uniqueName("other")
    try stage.broker.createTopic(other, partitions: 3)
    var configuration = stage.configuration
    configuration.delivery = delivery
    configuration.topics.order = order
    configuration.topics.allowedReplies = [other]
    configuration.untilEnd = false
    configuration.kafka["topic.metadata.refresh.interval.ms"] = "300"
    let worker = try Worker(model: IdentityModel(), configuration: configuration)
    async let running: Void = worker.run()
    func send(_ range: Range<Int>, partition: UInt8) throws {
      try stage.broker.client.produce(stage.requests, range.map { index in
        TestRecord(key: nil, value: row(index), headers: [
          .init("kafka_correlationId", Array("\(index)".utf8)), .init("kafka_replyTopic", Array(other.utf8)), .init("kafka_replyPartition", [0, 0, 0, partition]),
        ], partition: 0)
      })
    }
    try send(0..<20, partition: 2)
    #expect(try await eventually { worker.status.recordsSettled >= 20 })
    try stage.broker.client.deleteTopic(other)
    try stage.broker.createTopic(other, partitions: 1)
    // Until the producer knows.
    try await Task.sleep(for: .seconds(2))
    try send(20..<60, partition: 2)
    #expect(try await eventually { worker.status.recordsSettled >= 60 })
    worker.stop()
    try await running
    let told = try stage.broker.client.consume(stage.replies, count: 40, seconds: 20, properties: committed)
    #expect(told.count == 40 && told.allSatisfy { $0.header("sheaf_error") == "bad-reply-topic" })
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [60])
  }
}
