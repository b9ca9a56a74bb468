import Sheaf
import SheafTesting
import Testing

/// A broker with a request and a reply topic of its own, and a configuration for a worker between them.
struct Stage {
  let broker: any TestBroker
  let requests: String, replies: String, group: String

  init(_ broker: any TestBroker, requests: String, replies: String, group: String) {
    self.broker = broker
    self.requests = requests
    self.replies = replies
    self.group = group
  }

  init(_ kind: Brokers, partitions: Int = 4) throws {
    self.init(try kind.start(), requests: uniqueName("requests"), replies: uniqueName("replies"), group: uniqueName("group"))
    try broker.createTopic(requests, partitions: partitions)
    try broker.createTopic(replies, partitions: partitions)
  }

  var configuration: WorkerConfiguration {
    var configuration = WorkerConfiguration(
      kafka: ["bootstrap.servers": broker.bootstrap, "group.id": group, "session.timeout.ms": "6000", "fetch.wait.max.ms": "10"],
      topics: .init(requests: [requests], format: .raw, replyFormat: .raw, replies: replies))
    configuration.batch.maxRows = 64
    configuration.untilEnd = true
    return configuration
  }

  func produce(_ count: Int, partitions: Int = 4) throws {
    try broker.client.produce(requests, (0..<count).map { index in
      TestRecord(key: Array("key \(index)".utf8), value: row(index), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: Int32(index % partitions))
    })
  }
}

/// 256 bytes that tell the index.
func row(_ index: Int) -> [UInt8] { (0..<256).map { UInt8(truncatingIfNeeded: index >> ($0 % 4 * 8) &+ $0) } }

@Suite struct WorkerTests {
  @Test(arguments: Brokers.available) func answersEveryRecordAndCommitsToTheEnd(_ kind: Brokers) async throws {
    let stage = try Stage(kind)
    try stage.produce(5000)
    try await Worker(model: IdentityModel(), configuration: stage.configuration).run()

    let replies = try stage.broker.client.consume(stage.replies, count: 5000)
    #expect(replies.count == 5000)
    #expect(Set(replies.compactMap { $0.header("kafka_correlationId") }).count == 5000)
    for reply in replies {
      let index = Int(reply.header("kafka_correlationId")!)!
      #expect(reply.value == row(index))
      #expect(reply.key == Array("key \(index)".utf8))
      #expect(reply.header("sheaf_id") == "\(stage.requests)/\(index % 4)/\(index / 4)")
    }
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [1250, 1250, 1250, 1250])
  }

  /// Whatever a worker had is let go with it: programs that make one after the other do not grow.
  @Test func aWorkerThatHasEndedIsGone() async throws {
    final class Kept: Sendable {}
    let stage = try Stage(.embedded)
    try stage.produce(100)
    var kept: Kept? = Kept()
    weak let seen = kept
    do {
      var configuration = stage.configuration
      configuration.log = { [kept] _ in _ = kept }
      try await Worker(model: IdentityModel(), configuration: configuration).run()
    }
    kept = nil
    #expect(try await eventually { seen == nil })
  }
}
