import Glibc
import Sheaf
import SheafTesting
import Testing

@Suite struct DeadlineTests {
  private func request(_ index: Int, _ headers: KeyValuePairs<String, String> = [:]) -> TestRecord {
    TestRecord(key: nil, value: row(index), headers: [.init("kafka_correlationId", Array("\(index)".utf8))] + headers.map { .init($0, Array($1.utf8)) }, partition: 0)
  }

  /// Requests that are expired, that state nonsense, and that have time; and their neighbours.
  @Test func expiredRequestsAreToldAndNotRun() async throws {
    let stage = try Stage(.embedded, partitions: 1), letters = uniqueName("letters")
    try stage.broker.createTopic(letters, partitions: 1)
    let rows = Locked(0)
    try stage.broker.client.produce(stage.requests, [
      request(0), request(1, ["sheaf_deadline": "\((Int(time(nil)) - 60) * 1000)"]), request(2, ["sheaf_deadline": "\((Int(time(nil)) + 3600) * 1000)"]),
      request(3, ["sheaf_timeout": "0"]), request(4, ["sheaf_timeout": "3600000"]), request(5, ["sheaf_timeout": "2 s"]),
    ])
    var configuration = stage.configuration
    configuration.topics.deadLetters = letters
    try await Worker(model: IdentityModel { batch in rows.withLock { $0 += batch.rows } }, configuration: configuration).run()

    let replies = try stage.broker.client.consume(stage.replies, count: 6)
    #expect(Set(replies.map { "\($0.header("kafka_correlationId")!) \($0.header("sheaf_error") ?? "fine")" }) == [
      "0 fine", "1 expired", "2 fine", "3 expired", "4 fine", "5 malformed",
    ])
    let late = try #require(replies.first { $0.header("kafka_correlationId") == "1" }?.text.firstMatch(of: #/had passed by ([0-9]+) ms/#)?.1)
    #expect((59_000..<600_000).contains(try #require(Int(late))))
    #expect(replies.first { $0.header("kafka_correlationId") == "5" }?.text.contains("expected sheaf_timeout in milliseconds") == true)
    let found = try stage.broker.client.consume(letters, count: 3)
    #expect(Set(found.map(\.value)) == [row(1), row(3), row(5)])
    #expect(found.contains { $0.header("__dlq.errors.message")?.hasPrefix("expired: expected a deadline") == true })
    #expect(rows.withLock { $0 } == 3)
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [6])
  }

  /// A run in progress keeps others waiting until they have expired: they are told so without a run. The one that was begun is
  /// answered, late as it is.
  @Test func whatExpiresWhileLanesAreBusyIsNotRun() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    let rows = Locked(0)
    try stage.broker.client.produce(stage.requests, (0..<10).map { request($0) })
    var configuration = stage.configuration
    configuration.batch.maxRows = 1
    // More than a sleepy machine needs to the first run, less than that run takes.
    configuration.topics.timeout = 1_000_000_000
    try await Worker(model: IdentityModel { batch in
      rows.withLock { $0 += batch.rows }
      usleep(2_000_000)
    }, configuration: configuration).run()
    let replies = try stage.broker.client.consume(stage.replies, count: 10)
    #expect(replies.count { $0.header("sheaf_error") == nil } == rows.withLock { $0 })
    #expect(replies.count { $0.header("sheaf_error") == "expired" } == 10 - rows.withLock { $0 })
    #expect(rows.withLock { $0 } <= 1)
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [10])
  }

  /// A batch that would wait an hour for company closes for the deadline of one in it.
  @Test func aBatchClosesForADeadline() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    try stage.broker.client.produce(stage.requests, [request(0), request(1, ["sheaf_timeout": "600000"])])
    var configuration = stage.configuration
    configuration.batch.maxWait = 3_600_000_000_000
    let worker = try Worker(model: IdentityModel(), configuration: configuration)
    try await worker.run()
    #expect(try stage.broker.client.endOffsets(stage.replies) == [2])
    #expect(worker.status.reasons["deadline"] == 1)
  }
}
