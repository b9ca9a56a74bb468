import Sheaf
import SheafTesting
import Testing

/// Bad records and bad runs among good ones, end to end on the embedded broker.
@Suite struct FaultTests {
  /// A row that the model is to fail on begins with this.
  private static let poison: UInt8 = 0xee

  private struct Poisoned: Error, CustomStringConvertible { var description: String { "poison" } }

  @Test func badRecordsAreToldAndTheOthersGoOn() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    let bad = Array("short".utf8)
    try stage.broker.client.produce(stage.requests, (0..<100).map { index in
      TestRecord(key: Array("k\(index)".utf8), value: index % 10 == 3 ? bad : row(index), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: 0)
    } + [TestRecord(key: nil, value: nil, headers: [.init("kafka_correlationId", Array("100".utf8))], partition: 0)])
    try await Worker(model: IdentityModel(), configuration: stage.configuration).run()

    let replies = try stage.broker.client.consume(stage.replies, count: 101)
    for reply in replies {
      let index = Int(reply.header("kafka_correlationId")!)!
      guard index % 10 == 3 || index == 100 else {
        #expect(reply.value == row(index))
        continue
      }
      #expect(reply.header("sheaf_error") == (index == 100 ? "null-value" : "wrong-input"))
      #expect(reply.header("sheaf_id") == "\(stage.requests)/0/\(index)")
      #expect(reply.text.contains("\"topic\":\"\(stage.requests)\"") && reply.text.contains("\"offset\":\(index)"))
      #expect(index == 100 || reply.text.contains("256") && reply.text.contains("5 bytes"))
    }
    #expect(replies.count == 101)
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [101])
  }

  /// One culprit in a batch of 64 costs it alone its answer; the neighbours are answered.
  @Test(arguments: [false, true]) func aFailedRunCostsOnlyTheCulprit(byRow: Bool) async throws {
    let stage = try Stage(.embedded, partitions: 1)
    let runs = Locked(0)
    let model = IdentityModel { batch in
      runs.withLock { $0 += 1 }
      let bytes = batch.input(0)
      for index in 0..<batch.rows where bytes[index * 256] == FaultTests.poison {
        if byRow { batch.fail(row: index, "poison") } else { throw Poisoned() }
      }
    }
    var poison = row(7)
    poison[0] = FaultTests.poison
    try stage.broker.client.produce(stage.requests, (0..<64).map { index in
      TestRecord(key: nil, value: index == 37 ? poison : row(index), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: 0)
    })
    var configuration = stage.configuration
    configuration.batch.maxWait = 1_000_000_000
    try await Worker(model: model, configuration: configuration).run()

    let replies = try stage.broker.client.consume(stage.replies, count: 64)
    let failed = replies.filter { $0.header("sheaf_error") != nil }
    #expect(failed.map { $0.header("kafka_correlationId") } == ["37"])
    #expect(failed.first?.header("sheaf_error") == "model-failed" && failed.first?.text.contains("poison") == true)
    #expect(Set(replies.compactMap { $0.header("kafka_correlationId") }).count == 64)
    #expect(runs.withLock { $0 } <= (byRow ? 2 : 2 * 6 + 2))
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [64])
  }

  @Test func deadLettersCarryTheOriginalAndTheReason() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    let letters = uniqueName("letters")
    try stage.broker.createTopic(letters, partitions: 1)
    try stage.broker.client.produce(stage.requests, [TestRecord("bad", key: "k", headers: ["mine": "yes"], partition: 0), TestRecord(key: nil, value: row(1), partition: 0)])
    var configuration = stage.configuration
    configuration.topics.deadLetters = letters
    try await Worker(model: IdentityModel(), configuration: configuration).run()

    let letter = try #require(try stage.broker.client.consume(letters, count: 1).first)
    #expect(letter.text == "bad" && letter.key == Array("k".utf8) && letter.header("mine") == "yes")
    #expect(letter.header("__dlq.errors.topic") == stage.requests)
    #expect(letter.header("__dlq.errors.partition") == "0" && letter.header("__dlq.errors.offset") == "0")
    #expect(letter.header("__dlq.errors.message")?.hasPrefix("wrong-input: expected ") == true)
    #expect(try stage.broker.client.consume(stage.replies, count: 2).count == 2)
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [2])
  }

  @Test func repliesGoWhereTheRequestAsks() async throws {
    let stage = try Stage(.embedded, partitions: 2)
    let other = uniqueName("other")
    try stage.broker.createTopic(other, partitions: 3)
    func request(_ index: Int, _ headers: [TestRecord.Header]) -> TestRecord {
      TestRecord(key: nil, value: row(index), headers: headers + [.init("kafka_correlationId", Array("\(index)".utf8)), .init("traceparent", Array("00-\(index)".utf8))], partition: 0)
    }
    let named = TestRecord.Header("kafka_replyTopic", Array(other.utf8))
    try stage.broker.client.produce(stage.requests, [
      request(0, [named]), request(1, [named, .init("kafka_replyPartition", [0, 0, 0, 2])]), request(2, [.init("kafka_replyTopic", Array("forbidden".utf8))]),
      request(3, [named, .init("kafka_replyPartition", [9])]), request(4, [named, .init("kafka_replyPartition", [0, 0, 0, 77])]), request(5, []),
    ])
    var configuration = stage.configuration
    configuration.topics.allowedReplies = [other]
    try await Worker(model: IdentityModel(), configuration: configuration).run()

    let routed = try stage.broker.client.consume(other, count: 2)
    #expect(Set(routed.map { $0.header("kafka_correlationId") }) == ["0", "1"])
    #expect(routed.first { $0.header("kafka_correlationId") == "1" }?.partition == 2)
    #expect(routed.allSatisfy { $0.header("traceparent") == "00-\($0.header("kafka_correlationId")!)" })
    let here = try stage.broker.client.consume(stage.replies, count: 4)
    #expect(Set(here.map { "\($0.header("kafka_correlationId")!) \($0.header("sheaf_error") ?? "fine")" }) == [
      "2 bad-reply-topic", "3 bad-reply-topic", "4 bad-reply-topic", "5 fine",
    ])
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [6, 0])
  }

  @Test func aReplyThatIsTooLargeIsReplacedByAnError() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    var configuration = stage.configuration
    configuration.kafka["message.max.bytes"] = "1000"
    try stage.broker.client.produce(stage.requests, [TestRecord(key: nil, value: [UInt8](repeating: 1, count: 2048), partition: 0)])
    try await Worker(model: IdentityModel(width: 2048), configuration: configuration).run()
    let reply = try #require(try stage.broker.client.consume(stage.replies, count: 1).first)
    #expect(reply.header("sheaf_error") == "too-large" && reply.text.contains("2048 bytes"))
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [1])
  }

  /// An error reply that is too large by the key it carries, and a dead letter that is too large by its headers: shorter ones go in
  /// their place, and the neighbours are answered.
  @Test func aFaultThatDoesNotFitIsToldInShort() async throws {
    let stage = try Stage(.embedded, partitions: 1), letters = uniqueName("letters")
    try stage.broker.createTopic(letters, partitions: 1)
    var configuration = stage.configuration
    configuration.topics.deadLetters = letters
    configuration.kafka["message.max.bytes"] = "2000"
    try stage.broker.client.produce(stage.requests, [
      TestRecord(key: nil, value: row(0), partition: 0), TestRecord(key: [UInt8](repeating: 65, count: 3000), value: Array("short".utf8), partition: 0),
      TestRecord(key: nil, value: [UInt8](repeating: 66, count: 1950), partition: 0), TestRecord(key: nil, value: row(3), partition: 0),
    ])
    try await Worker(model: IdentityModel(), configuration: configuration).run()
    let replies = try stage.broker.client.consume(stage.replies, count: 4)
    #expect(replies.count { $0.header("sheaf_error") == "wrong-input" } == 2)
    #expect(replies.first { $0.header("sheaf_id")?.hasSuffix("/1") == true }?.key == nil)
    #expect(replies.count { $0.header("sheaf_error") == nil } == 2)
    // The first letter fits once its key is gone; the second once its value is.
    let found = try stage.broker.client.consume(letters, count: 2)
    #expect(found.map(\.text) == ["short", ""] && found.map { $0.header("sheaf_cut_from") } == ["5", "1950"])
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [4])
  }

  /// Room is there only once an event of reports is gone: lanes must not sleep through it.
  @Test(arguments: [1, 2, 16]) func aTinyProducerQueueGoesOn(size: Int) async throws {
    let stage = try Stage(.embedded)
    try stage.produce(500)
    var configuration = stage.configuration
    configuration.kafka["queue.buffering.max.messages"] = "\(size)"
    try await Worker(model: IdentityModel(), configuration: configuration).run()
    #expect(try stage.broker.client.endOffsets(stage.replies).reduce(0, +) == 500)
  }

  @Test func skipsNullValuesWhereAskedTo() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    var configuration = stage.configuration
    configuration.topics.nullValue = .skip
    try stage.broker.client.produce(stage.requests, [TestRecord(key: nil, value: nil, partition: 0), TestRecord(key: nil, value: row(1), partition: 0), TestRecord(key: nil, value: nil, partition: 0)])
    try await Worker(model: IdentityModel(), configuration: configuration).run()
    #expect(try stage.broker.client.endOffsets(stage.replies) == [1])
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [3])
  }

  @Test func refusesLoopsAndMissingTopics() async throws {
    let stage = try Stage(.embedded)
    var loop = stage.configuration
    loop.topics.requests = ["^re.*-"]
    #expect { try Worker(model: IdentityModel(), configuration: loop) } throws: { "\($0)".contains(stage.replies) }
    var missing = stage.configuration
    missing.topics.replies = "nowhere"
    await #expect { try await Worker(model: IdentityModel(), configuration: missing).run() } throws: { "\($0)".contains("topics.replies: nowhere: there is no such topic") }
    var reserved = stage.configuration
    reserved.kafka["enable.auto.commit"] = "true"
    #expect { try Worker(model: IdentityModel(), configuration: reserved) } throws: { "\($0)".contains("kafka.enable.auto.commit: true: reserved") }
  }
}
