import Testing

@testable import Sheaf

/// What `Worker.init` refuses, from whoever makes the configuration.
@Suite struct ValidationTests {
  let kafka = ["bootstrap.servers": "localhost:9092", "group.id": "a"]

  @Test func nothingIsWrong() {
    #expect(WorkerConfiguration(kafka: kafka, topics: .init(requests: ["a"], replies: "b", allowedReplies: ["c"], deadLetters: "d")).faults.isEmpty)
    #expect(WorkerConfiguration(kafka: kafka, topics: .init(requests: ["a"], replies: nil, deadLetters: "d")).faults.isEmpty)
  }

  @Test(arguments: ReservedProperties.reasons.keys.sorted()) func reservedPropertiesAreRefusedWithTheReason(_ property: String) throws {
    let configuration = WorkerConfiguration(kafka: kafka.merging([property: "x"]) { $1 }, topics: .init(requests: ["a"], replies: "b"))
    let fault = try #require(configuration.faults.first)
    #expect(configuration.faults.count == 1)
    #expect(fault.key == "kafka.\(property)")
    #expect(fault.value == "x")
    #expect(fault.problem.hasPrefix("reserved: ") && fault.problem.count > 20 && !fault.fix.isEmpty)
    #expect(throws: fault) { try configuration.validate() }
  }

  @Test func bulkTopicsAreRequestTopicsToo() {
    var configuration = WorkerConfiguration(kafka: kafka, topics: .init(requests: ["a", "^b\\..*"], replies: "r", deadLetters: "d1"))
    configuration.topics.bulk = ["c", "^e", "^.*slow"]
    #expect(configuration.faults.isEmpty)
    #expect(["a", "b.slow", "c", "e1", "x.slow", "z"].map(configuration.topics.priority) == [.interactive, .interactive, .bulk, .bulk, .bulk, .interactive])
    configuration.topics.bulk = ["a", "b.slow", "x y", "r", "^d"]
    configuration.topics.bulkWait = 999_999
    #expect(configuration.faults.map { "\($0.key) \($0.value)" } == [
      "topics.bulk a", "topics.bulk b.slow", "topics.bulk x y", "topics.bulkWait 999999 ns", "topics.replies r", "topics.deadLetters d1",
    ])
  }

  @Test func allFaultsAreFound() {
    var configuration = WorkerConfiguration(
      kafka: [:], topics: .init(requests: ["a", "b c", "^d"], replies: "a", allowedReplies: ["d1"], deadLetters: "b c"),
      batch: BatchSettings(maxRows: 0, maxTokens: -1, maxBytes: 0), limits: .init(records: 1, bytes: 1, span: 0), lanes: 0)
    #expect(configuration.faults.map(\.key) == [
      "kafka.bootstrap.servers", "kafka.group.id", "topics.requests", "topics.replies", "topics.deadLetters", "topics.deadLetters", "topics.allowedReplies",
      "batch.maxRows", "batch.maxTokens", "batch.maxBytes", "lanes", "limits.records", "limits.bytes", "limits.span",
    ])
    configuration.topics = .init(requests: [], replies: nil)
    configuration.topics.timeout = 999_999
    #expect(configuration.faults.map(\.key).filter { $0.hasPrefix("topics") } == ["topics.requests", "topics.replies", "topics.timeout"])
  }
}
