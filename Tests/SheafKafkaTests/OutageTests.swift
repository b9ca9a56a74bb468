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

  /// The broker is gone while one of two workers is stopped: it ends within its bound and says what it could not commit; the other
  /// waits for the broker, takes over, and nothing is lost.
  @Test func aStopWithoutABrokerEndsInTime() throws {
    let kafka = try RealKafka(), directory = try TemporaryDirectory(), count = 16_000, bound = 2000
    try kafka.createTopic("requests", partitions: 4)
    try kafka.createTopic("replies", partitions: 4)
    let stage = Stage(kafka, requests: "requests", replies: "replies", group: "group")
    try stage.produce(count)
    let settings = ["rows=16", "busy=8000", "records=\(bound)", "drain=3000"]
    let stopped = try stage.startWorker(settings, output: directory.path + "/stopped"), other = try stage.startWorker(settings)
    try stage.waitForReplies(count / 4)
    kafka.kill()
    usleep(500_000)
    stopped.signal(SIGTERM)
    let begun = monotonicSeconds()
    #expect(stopped.wait(seconds: 20) == .code(1))
    let seconds = monotonicSeconds() - begun
    if !isSanitized { #expect(seconds < 3 + 1 + 1) }  // The bound, a second to leave the group, and one for a busy machine.
    let words = try readText(directory.path + "/stopped").split(separator: "\n").last ?? ""
    #expect(words.contains("the drain missed its bound with"), "\(words)")
    // A third joins as soon as there is a broker: the rebalance meets a group that has just come back.
    try kafka.restart()
    let third = try stage.startWorker(settings)
    try stage.waitForCommit(count)
    for worker in [other, third] {
      worker.signal(SIGTERM)
      #expect(worker.wait(seconds: 20) == .code(0))
    }
    let repeats = try stage.repeats(count)
    #expect(repeats <= 2 * bound)
    print("stopped without a broker: ended after \(seconds) s; \(count) records, \(repeats) answered twice; \(words)")
  }

  /// A stop while no broker answers the first question.
  @Test func aStopBeforeTheFirstAnswerEndsAtOnce() throws {
    let port = try freePort()
    let worker = try ChildProcess([try builtExecutable("TestWorker"), "127.0.0.1:\(port)", "group", "requests", "replies"], output: .null)
    usleep(1_000_000)
    let begun = monotonicSeconds()
    worker.signal(SIGTERM)
    #expect(worker.wait(seconds: 12) == .code(0))
    #expect(monotonicSeconds() - begun < 2)
  }
}
