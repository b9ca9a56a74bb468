import Glibc
import Sheaf
import SheafTesting
import Testing

@Suite struct StopTests {
  /// Stopped in the middle, again and again: what is answered is committed, so nothing is answered twice and nothing is lost.
  @Test(arguments: Brokers.available) func aStopFinishesWhatHasBegun(_ kind: Brokers) async throws {
    let stage = try Stage(kind), count = 3000
    try stage.produce(count)
    var rounds = 0
    while try stage.broker.client.committed(stage.group, stage.requests).reduce(0, { $0 + max(0, $1) }) < Int64(count) {
      rounds += 1
      try #require(rounds < 20)
      let runs = Locked(0), worker = Locked<Worker?>(nil)
      let model = IdentityModel { _ in
        // In the middle of the tenth run, with others waiting.
        if runs.withLock({ $0 += 1; return $0 }) == 10 { worker.withLock { $0 }?.stop() }
      }
      var configuration = stage.configuration
      configuration.untilEnd = rounds > 3
      let made = try Worker(model: model, configuration: configuration)
      worker.withLock { $0 = made }
      try await made.run()
      worker.withLock { $0 = nil }
      #expect(made.status.recordsInside == 0 && made.status.recordsTaken >= made.status.recordsSettled)
      #expect(made.status.signals?.memoryUsed ?? 0 > 0 && made.status.signals?.gpu == nil)
    }
    #expect(rounds > 1)
    let replies = try stage.broker.client.endOffsets(stage.replies).reduce(0, +)
    #expect(replies == Int64(count))
    #expect(Set(try stage.broker.client.consume(stage.replies, count: count).compactMap { $0.header("kafka_correlationId") }).count == count)
  }

  /// Two workers until the end, the second later: neither takes the pause of a rebalance for the end.
  @Test(arguments: Brokers.available) func twoWorkersUntilTheEndLeaveNothing(_ kind: Brokers) async throws {
    let stage = try Stage(kind), count = 4000
    try stage.produce(count)
    let begun = Locked(false)
    let slow = IdentityModel { _ in
      begun.withLock { $0 = true }
      usleep(20_000)
    }
    var configuration = stage.configuration
    configuration.batch.maxRows = 8
    let first = try Worker(model: slow, configuration: configuration), second = try Worker(model: slow, configuration: configuration)
    async let one: Void = first.run()
    #expect(try await eventually { begun.withLock { $0 } })  // Suspends: the other worker needs the thread.
    try await second.run()
    try await one
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [1000, 1000, 1000, 1000])
  }

  /// The settings change while records flow, from another thread: nothing is lost.
  @Test func batchingChangesWhileRecordsFlow() async throws {
    let stage = try Stage(.embedded), count = 20_000
    try stage.produce(count)
    let sizes = Locked<Set<Int>>([]), worker = Locked<Worker?>(nil), runs = Locked(0)
    let model = IdentityModel { batch in
      sizes.withLock { _ = $0.insert(batch.rows) }
      let run = runs.withLock { $0 += 1; return $0 }
      if run % 20 == 0 { worker.withLock { $0 }?.batch.maxRows = run % 40 == 0 ? 64 : 7 }
    }
    let made = try Worker(model: model, configuration: stage.configuration)
    worker.withLock { $0 = made }
    try await made.run()
    worker.withLock { $0 = nil }
    #expect(try stage.broker.client.endOffsets(stage.replies).reduce(0, +) == Int64(count))
    #expect(sizes.withLock { $0.contains(64) && $0.contains(7) && $0.max()! <= 64 })
  }

  /// A lane that never ends: the drain's bound is kept, what is unsettled is not committed, and the end is not a clean one.
  @Test func aMissedBoundIsAFailure() async throws {
    let stage = try Stage(.embedded, partitions: 1)
    try stage.produce(10, partitions: 1)
    let release = Locked(false), worker = Locked<Worker?>(nil)
    let model = IdentityModel { _ in
      worker.withLock { $0 }?.stop()
      while !release.withLock({ $0 }) { sched_yield() }
    }
    var configuration = stage.configuration
    configuration.drainTimeout = 500_000_000
    let made = try Worker(model: model, configuration: configuration)
    worker.withLock { $0 = made }
    await #expect { try await made.run() } throws: { "\($0)".contains("the drain missed its bound with 10 records unsettled and 0 answered but not committed") }
    release.withLock { $0 = true }
    worker.withLock { $0 = nil }
    #expect(try stage.broker.client.committed(stage.group, stage.requests)[0] <= 0)
  }
}
