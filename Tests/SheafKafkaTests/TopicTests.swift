import Glibc
import Sheaf
import SheafTesting
import Testing

/// Topics that change while they are read.
@Suite(.serialized, .enabled(if: Brokers.available.contains(.real), "needs Apache Kafka: set KAFKA_HOME")) struct TopicTests {
  private func values(_ stage: Stage, _ range: Range<Int>, partitions: Int) throws {
    try stage.broker.client.produce(stage.requests, range.lazy.map { index in
      TestRecord(key: nil, value: row(index), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: Int32(index % partitions))
    })
  }

  /// Deleted, and created again under its name once the worker knows, with records of the old one inside: the new one is answered
  /// from its first record. A topic that is back before any client has asked for it looks to them like the old one: see
  /// docs/design.md.
  @Test(arguments: [200, 5000]) func aTopicCreatedAgainIsReadFromItsBeginning(second: Int) throws {
    let stage = try Stage(.real, partitions: 2), directory = try TemporaryDirectory(), client = stage.broker.client
    let log = directory.path + "/log"
    try values(stage, 0..<4000, partitions: 2)
    let worker = try stage.startWorker(["rows=16", "busy=4000", "records=2000", "topic.metadata.refresh.interval.ms=1000"], output: log)
    try stage.waitForReplies(2000)
    try client.deleteTopic(stage.requests)
    try #require(looks(for: 60) { (try? readText(log))?.contains("revoked \(stage.requests)") == true })
    try client.createTopic(stage.requests, partitions: 2)
    try values(stage, 10_000..<10_000 + second, partitions: 2)
    // The broker may still have offsets of the old one.
    #expect(try looks(for: 60) { try client.committed(stage.group, stage.requests) == [Int64(second / 2), Int64(second / 2)] })
    worker.signal(SIGTERM)
    #expect(worker.wait(seconds: 20) == .code(0))
    let replies = try client.consume(stage.replies, count: Int(try client.endOffsets(stage.replies).reduce(0, +)))
    let answered = replies.compactMap { $0.header("kafka_correlationId").flatMap { Int($0) } }.filter { $0 >= 10_000 }
    #expect(Set(answered).count == second && answered.count == second)
  }

  /// New partitions are read from their first record, wherever the others begin.
  @Test(arguments: [Start.earliest, .latest]) func aNewPartitionIsReadFromItsBeginning(_ start: Start) throws {
    let stage = try Stage(.real, partitions: 1), client = stage.broker.client
    let worker = try stage.startWorker(["start=\(start)", "topic.metadata.refresh.interval.ms=1000"])
    try stage.waitForStart()
    try values(stage, 0..<100, partitions: 1)
    try stage.waitForReplies(100)
    try client.growTopic(stage.requests, partitions: 3)
    try values(stage, 100..<400, partitions: 3)  // Before the worker knows of them.
    try stage.waitForReplies(400)
    worker.signal(SIGTERM)
    #expect(worker.wait(seconds: 20) == .code(0))
    #expect(try stage.repeats(400) == 0)
    #expect(try client.committed(stage.group, stage.requests) == [200, 100, 100])
  }
  typealias Start = WorkerConfiguration.Topics.Start

  /// The worker's last line says what is wrong with the offset, and the command that sets it.
  private func expect(_ worker: ChildProcess, _ log: String, toSay what: String, _ stage: Stage) throws {
    #expect(worker.wait(seconds: 20) == .code(1))
    let words = try readText(log).split(separator: "\n").last ?? ""
    #expect(words.contains("\(stage.requests)/0: \(what)"), "\(words)")
    #expect(words.contains("--group \(stage.group) --topic \(stage.requests):0 --reset-offsets --to-earliest"))
  }

  /// A committed offset below the first record left: the last line says what is gone and how to go on.
  @Test func anOffsetThatRetentionHasPassedIsSaid() throws {
    let stage = try Stage(.real, partitions: 1), directory = try TemporaryDirectory(), client = stage.broker.client
    let log = directory.path + "/log"
    try values(stage, 0..<100, partitions: 1)
    let first = try stage.startWorker([])
    try stage.waitForCommit(100)
    first.signal(SIGTERM)
    #expect(first.wait(seconds: 20) == .code(0))
    try values(stage, 100..<300, partitions: 1)
    try client.deleteRecords(stage.requests, 0, before: 250)
    let second = try stage.startWorker([], output: log)
    try expect(second, log, toSay: "offset 100 is not in the topic, which begins at 250: 150 records were deleted", stage)
    #expect(try client.committed(stage.group, stage.requests) == [100])
  }

  /// One beyond the last record, as after a topic was created again unnoticed: a reset of the offset is the operator's to give.
  @Test func anOffsetThatIsNotThereYetIsSaid() throws {
    let stage = try Stage(.real, partitions: 1), directory = try TemporaryDirectory(), client = stage.broker.client
    let log = directory.path + "/log"
    try values(stage, 0..<100, partitions: 1)
    try client.commit(stage.group, stage.requests, 300)
    let worker = try stage.startWorker([], output: log)
    try expect(worker, log, toSay: "offset 300 is not in the topic, which ends at 100", stage)
    #expect(try client.committed(stage.group, stage.requests) == [300])
  }
}

@Suite struct DeniedTopicTests {
  /// A broker says for a moment that a topic is gone (one that has just come back may): its records are not read again.
  @Test func aTopicThatIsOnlySaidToBeGoneIsReadOn() async throws {
    let broker = try EmbeddedBroker(), stage = Stage(broker, requests: uniqueName("requests"), replies: uniqueName("replies"), group: uniqueName("group"))
    for topic in [stage.requests, stage.replies] { try broker.createTopic(topic, partitions: 2) }
    let directory = try TemporaryDirectory(), client = broker.client, log = directory.path + "/log"
    func produce(_ range: Range<Int>) throws {
      try client.produce(stage.requests, range.lazy.map { TestRecord(key: nil, value: row($0), headers: [.init("kafka_correlationId", Array("\($0)".utf8))], partition: Int32($0 % 2)) })
    }
    try produce(0..<2000)
    let worker = try stage.startWorker(["topic.metadata.refresh.interval.ms=300"], output: log)
    func count(_ text: String) -> Int { ((try? readText(log)) ?? "").occurrences(of: text) }
    try #require(try await eventually { try client.committed(stage.group, stage.requests).reduce(0, +) == 2000 })
    broker.deny(stage.requests, true)
    try #require(try await eventually { count("revoked \(stage.requests)") == 1 })
    broker.deny(stage.requests, false)
    try #require(try await eventually { count("assigned \(stage.requests)") == 2 })
    try produce(2000..<2500)
    try #require(try await eventually { try client.committed(stage.group, stage.requests).reduce(0, +) == 2500 })
    worker.signal(SIGTERM)
    #expect(worker.wait(seconds: 20) == .code(0))
    #expect(try stage.repeats(2500) == 0)
  }
}

extension String {
  /// How often a text is in this one.
  fileprivate func occurrences(of text: String) -> Int {
    var count = 0, rest = self[...]
    while let found = rest.firstRange(of: text) {
      count += 1
      rest = rest[found.upperBound...]
    }
    return count
  }
}
