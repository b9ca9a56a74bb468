import Glibc
import SheafTesting
import Testing

/// What a broker's absence does to workers under load, on a Kafka of the test's own.
@Suite(.serialized, .enabled(if: Brokers.available.contains(.real), "needs Apache Kafka: set KAFKA_HOME")) struct OutageTests {
  /// The broker is killed in the middle and comes back: the worker waits for it, answers everything and commits to the end.
  @Test func aWorkerOutlivesItsBroker() throws {
    let kafka = try RealKafka(), count = 20_000
    try kafka.createTopic("requests", partitions: 4)
    try kafka.createTopic("replies", partitions: 4)
    let stage = Stage(kafka, requests: "requests", replies: "replies", group: "group")
    try stage.produce(count)
    let worker = try stage.startWorker("rows=16", "busy=3000", "records=4000")
    _ = try kafka.client.consume("replies", count: 2000)
    kafka.kill()
    usleep(2_000_000)
    #expect(worker.isRunning)
    try kafka.restart()
    let begun = monotonicSeconds()
    while try kafka.client.committed("group", "requests").reduce(0, +) < Int64(count) {
      try #require(monotonicSeconds() - begun < 60)
      usleep(100_000)
    }
    worker.signal(SIGTERM)
    #expect(worker.wait(seconds: 20) == .code(0))
    let replies = try kafka.client.consume("replies", count: Int(try kafka.client.endOffsets("replies").reduce(0, +)))
    #expect(Set(replies.compactMap { $0.header("kafka_correlationId") }).count == count)
    print("a broker's absence of 2 s: \(count) records, \(replies.count - count) answered twice")
  }
}
