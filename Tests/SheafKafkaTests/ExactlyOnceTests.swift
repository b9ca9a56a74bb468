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
}
