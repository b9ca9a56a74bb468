import Glibc
import Sheaf
import SheafTesting
import Testing

/// Interactive requests over a backlog of bulk ones: end to end on the embedded broker.
@Suite struct PriorityTests {
  private func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
  }

  private func record(_ index: Int, _ partitions: Int) -> TestRecord {
    TestRecord(key: nil, value: row(index), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: Int32(index % partitions))
  }

  /// A run takes 10 ms, and the backlog some hundred of them: interactive requests wait for the run that goes on, and no more.
  @Test(arguments: BatchPolicy.allCases) func interactiveRequestsPassABacklog(_ policy: BatchPolicy) async throws {
    let stage = try Stage(.embedded, partitions: 2), bulk = uniqueName("bulk"), client = stage.broker.client, backlog = 24_000, asked = 150
    try stage.broker.createTopic(bulk, partitions: 4)
    var configuration = stage.configuration
    configuration.untilEnd = false
    configuration.topics.bulk = [bulk]
    configuration.batch.maxRows = 32
    configuration.batch.policy = policy
    configuration.limits.records = 8000
    let worker = try Worker(model: IdentityModel { _ in usleep(10_000) }, configuration: configuration)
    async let run: Void = worker.run()
    // One that is connected already: a new one takes a second.
    let producer = try TestProducer(bootstrap: stage.broker.bootstrap, properties: ["linger.ms": "0"])
    for index in 0..<backlog { try producer.send(bulk, record(index, 4)) }
    try producer.flush()
    try #require(try await eventually { worker.status.recordsSettled > 100 })
    var sent: [Int: Double] = [:], mostBulk = 0
    for index in backlog..<backlog + asked {
      sent[index] = now()
      try producer.send(stage.requests, record(index, 2))
      try producer.flush()
      mostBulk = max(mostBulk, worker.status.bulkRecordsInside)
      try await Task.sleep(for: .milliseconds(4))
    }
    try #require(try await eventually { try client.committed(stage.group, stage.requests).reduce(0, +) == asked })
    // Bulk had no more than its half of the room (and what is kept aside); beside other tests it may all be done by now.
    #expect(mostBulk <= 3000)
    try #require(try await eventually { try client.committed(stage.group, bulk) == [6000, 6000, 6000, 6000] })
    worker.stop()
    try await run
    let replies = try client.consume(stage.replies, count: backlog + asked)
    #expect(replies.count == backlog + asked && Set(replies.compactMap { $0.header("kafka_correlationId") }).count == backlog + asked)
    var waits: [Double] = []
    for reply in replies {
      guard let id = reply.header("kafka_correlationId"), let index = Int(id), let begun = sent[index] else { continue }
      waits.append(Double(reply.timestamp) - begun)
    }
    waits.sort()
    print("\(policy): interactive answers over a backlog: median \(Int(waits[asked / 2])) ms, p99 \(Int(waits[asked * 99 / 100])) ms; a run is 10 ms")
    // Two runs at most, and what a busy machine adds; the backlog alone is seconds.
    #expect(waits.count == asked && waits[asked / 2] < 60)
    #expect(waits[asked * 95 / 100] < 300)
  }
}
