import Glibc
import SheafTesting
import Testing

/// Workers as processes, killed by what they run or by an operator.
@Suite(.serialized, .enabled(if: Brokers.available.contains(.real), "needs Apache Kafka: set KAFKA_HOME")) struct CrashTests {
  /// Two records that kill the process among others, three workers, nobody who starts them again: each record costs one worker at
  /// most, and is told and dead-lettered as crashed; all others are answered.
  ///
  /// Sanitizers' allocators end the process by themselves where memory is exhausted.
  @Test(arguments: isSanitized ? [0xab] : [0xab, 0xac] as [UInt8]) func aRecordThatKillsCostsOneWorker(kind: UInt8) throws {
    let count = 8000, partitions = 4, poisons = [1001, 5003]
    let stage = try Stage(.real, partitions: partitions), letters = uniqueName("letters")
    try stage.broker.createTopic(letters, partitions: 1)
    let client = stage.broker.client
    try client.produce(stage.requests, (0..<count).map { index in
      var value = row(index)
      value[0] = poisons.contains(index) ? kind : 1
      return TestRecord(key: nil, value: value, headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: Int32(index % partitions))
    })
    let workers = try (0..<3).map { _ in try stage.startWorker("crash=true", "rows=64", "busy=3000", "lanes=2", "deadLetters=\(letters)") }
    let begun = monotonicSeconds()
    while try client.committed(stage.group, stage.requests) != [Int64](repeating: Int64(count / partitions), count: partitions) {
      try #require(monotonicSeconds() - begun < 300 && workers.contains(where: \.isRunning), "\(workers.count(where: \.isRunning)) workers left")
      usleep(100_000)
    }
    let dead = workers.filter { !$0.isRunning }
    #expect((1...poisons.count).contains(dead.count))
    for worker in dead { #expect(worker.wait() == .signal(SIGABRT)) }
    for worker in workers where worker.isRunning {
      worker.signal(SIGTERM)
      #expect(worker.wait(seconds: 20) == .code(0))
    }
    let replies = try client.consume(stage.replies, count: Int(try client.endOffsets(stage.replies).reduce(0, +)))
    for reply in replies {
      let index = Int(reply.header("kafka_correlationId")!)!
      #expect(reply.header("sheaf_error") == (poisons.contains(index) ? "crashed" : nil))
      if poisons.contains(index) { #expect(reply.text.contains("signal 6 (SIGABRT)")) }
    }
    #expect(Set(replies.map { $0.header("kafka_correlationId")! }).count == count)
    let found = try client.consume(letters, count: Int(try client.endOffsets(letters).reduce(0, +)))
    #expect(found.count == poisons.count && found.allSatisfy { $0.value?[0] == kind && $0.header("__dlq.errors.message")?.hasPrefix("crashed") == true })
    print("two records that kill: \(dead.count) of 3 workers lost, \(replies.count - count) answered twice, \(monotonicSeconds() - begun) s in all")
  }

  /// Nothing kills but the operator: what the worker may have begun is run in a child process, beside everything else.
  @Test(arguments: [true, false]) func anOperatorsKillCostsOneIsolatedRun(isolate: Bool) throws {
    let count = 100_000, partitions = 4
    let stage = try Stage(.real, partitions: partitions)
    let client = stage.broker.client
    try stage.produce(count, partitions: partitions)
    let directory = try TemporaryDirectory(), log = directory.path + "/log"
    let settings = [try builtExecutable("TestWorker"), stage.broker.bootstrap, stage.group, stage.requests, stage.replies, "session.timeout.ms=6000", "heartbeat.interval.ms=500", "rows=64", "busy=2000", "isolate=\(isolate)"]
    let first = try ChildProcess(settings)
    let begun = monotonicSeconds()
    while try client.endOffsets(stage.replies).reduce(0, +) < count / 5 { try #require(monotonicSeconds() - begun < 60) }
    first.signal(SIGKILL)
    let second = try ChildProcess(settings, output: .file(log))
    // Until the first is noticed to be gone, the second waits.
    while (try? readText(log))?.contains("assigned requests") != true { try #require(monotonicSeconds() - begun < 60) }
    let assigned = monotonicSeconds()
    while try client.committed(stage.group, stage.requests) != [Int64](repeating: Int64(count / partitions), count: partitions) { try #require(monotonicSeconds() - begun < 90) }
    let seconds = monotonicSeconds() - assigned
    second.signal(SIGTERM)
    #expect(second.wait(seconds: 20) == .code(0))
    let text = try readText(log)
    #expect(text.contains("run in a child process") == isolate && !text.contains("no child process can be had"))
    #expect(try client.endOffsets(stage.replies).reduce(0, +) >= count)
    print("kill -9, isolation \(isolate ? "on" : "off"): the rest took \(seconds) s; \(text.split(separator: "\n").first { $0.contains("ended:") } ?? "")")
  }
}
