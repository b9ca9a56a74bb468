import Glibc
import Sheaf
import SheafTesting
import Testing

/// What never comes back: the worker says what it is, and ends although a thread is stuck.
@Suite struct StallTests {
  private func configuration(_ stage: Stage) -> WorkerConfiguration {
    var configuration = stage.configuration
    configuration.limits.stall = 1_000_000_000
    configuration.drainTimeout = 500_000_000
    return configuration
  }

  @Test func aRunThatNeverEndsIsToldOfAndEndsTheWorker() async throws {
    let stage = try Stage(.embedded, partitions: 1), log = Locked<[String]>([]), runs = Locked(0)
    try stage.produce(80, partitions: 1)
    var configuration = configuration(stage)
    configuration.batch.maxRows = 16
    configuration.log = { line in log.withLock { $0.append(line) } }
    let model = IdentityModel { _ in if runs.withLock({ $0 += 1; return $0 }) == 4 { while true { sleep(1000) } } }
    let worker = try Worker(model: model, configuration: configuration), stalls = Locked<[String]>([])
    let run = Task { try await worker.run() }
    while stalls.withLock({ $0.isEmpty }) {
      try await Task.sleep(for: .milliseconds(20))
      stalls.withLock { $0 = worker.status.stalls }
    }
    let records = "records \(stage.requests)/0 offset 48 to \(stage.requests)/0 offset 63"
    #expect(stalls.withLock { $0.count == 1 && $0[0].hasPrefix("lane 0 has run 16 rows for ") && $0[0].hasSuffix("of \(records)") })
    await #expect { try await run.value } throws: { "\($0)".hasPrefix("stalled: lane 0 has run 16 rows for 1") && "\($0)".contains(records) }
    #expect(log.withLock { $0.count { $0.hasPrefix("slow: lane 0 has run 16 rows") } } == 1)
    // What was settled before is committed.
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [48])
  }

  /// The consume thread itself is stuck, in a callback: nobody commits any more, but the worker ends.
  @Test func aStuckConsumeThreadEndsTheWorker() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    var configuration = configuration(stage)
    configuration.untilEnd = false
    configuration.kafka["statistics.interval.ms"] = "100"
    configuration.statistics = { _ in while true { sleep(1000) } }
    let worker = try Worker(model: IdentityModel(), configuration: configuration)
    await #expect { try await worker.run() } throws: { "\($0)".hasPrefix("stalled: the consume thread has not come round for 1") }
  }

  /// Brokers that are away are not this worker's fault: what is not acknowledged is told of and waited for.
  @Test func anOutageIsWaitedFor() async throws {
    let broker = try EmbeddedBroker()
    let stage = Stage(broker, requests: uniqueName("requests"), replies: uniqueName("replies"), group: uniqueName("group")), isDown = Locked(false)
    for topic in [stage.requests, stage.replies] { try broker.createTopic(topic, partitions: 1) }
    try stage.produce(10, partitions: 1)
    let model = IdentityModel { _ in
      try isDown.withLock { isDown in
        if !isDown { try broker.setDown() }
        isDown = true
      }
    }
    var configuration = configuration(stage)
    configuration.kafka["reconnect.backoff.max.ms"] = "200"
    let worker = try Worker(model: model, configuration: configuration)
    let run = Task { try await worker.run() }
    #expect(try await eventually { worker.status.stalls.contains { $0.contains("replies are not acknowledged") && $0.hasSuffix("since brokers are away") } })
    try await Task.sleep(for: .milliseconds(1500))
    try broker.setUp()
    try await run.value
    #expect(try broker.client.endOffsets(stage.replies).reduce(0, +) >= 10)
  }

  /// A slow run is told of and then over; nothing ends.
  @Test func aSlowRunGoesOn() async throws {
    let stage = try Stage(.embedded, partitions: 1), log = Locked<[String]>([])
    try stage.produce(1, partitions: 1)
    var configuration = configuration(stage)
    configuration.limits.stall = 10_000_000_000
    configuration.log = { line in log.withLock { $0.append(line) } }
    let model = IdentityModel { _ in
      while !log.withLock({ $0.contains { $0.hasPrefix("slow: ") } }) { usleep(10_000) }
    }
    try await Worker(model: model, configuration: configuration).run()
    #expect(log.withLock { $0.contains { $0.hasPrefix("lane 0 goes on, after ") } })
  }
}
