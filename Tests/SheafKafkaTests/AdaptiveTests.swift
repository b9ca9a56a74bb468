import Glibc
import Sheaf
import SheafTesting
import Testing

/// Batches that decide for themselves, end to end on the embedded broker.
@Suite struct AdaptiveTests {
  /// Runs as long as a device with a price per run and per row would.
  private func model(_ seen: Locked<[Int]>) -> IdentityModel {
    IdentityModel { batch in
      seen.withLock { $0.append(batch.rows) }
      usleep(UInt32(1000 + 20 * batch.rows))
    }
  }

  @Test(arguments: AdaptiveSettings.Objective.allCases) func answersEveryRecordInLargeBatches(_ objective: AdaptiveSettings.Objective) async throws {
    let stage = try Stage(.embedded), seen = Locked<[Int]>([])
    try stage.produce(8000)
    var configuration = stage.configuration
    configuration.batch.maxRows = 256
    configuration.batch.policy = .adaptive
    configuration.batch.adaptive.objective = objective
    let worker = try Worker(model: model(seen), configuration: configuration)
    try await worker.run()
    let replies = try stage.broker.client.consume(stage.replies, count: 8000)
    #expect(Set(replies.compactMap { $0.header("kafka_correlationId") }).count == 8000 && replies.count == 8000)
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [2000, 2000, 2000, 2000])
    // A run costs as much as 50 rows: nobody told it, and the backlog is drained in large batches. (How large depends on how fast
    // decoding goes beside the other tests.)
    let runs = seen.withLock { $0 }
    #expect(runs.max()! >= 32, "\(runs)")
    // What it has learned: at least what the device takes, and more for more rows.
    let one = worker.profile.time(rows: 1, length: 1)!, many = worker.profile.time(rows: 200, length: 1)!
    #expect(one > 0.5e6 && many > 1.5 * one, "\(one), \(many)")
  }

  /// Bounds, target and policy change while records flow: nothing is lost, and the next batch obeys.
  @Test func settingsChangeWhileRecordsFlow() async throws {
    let stage = try Stage(.embedded, partitions: 16), count = 50_000, seen = Locked<[Int]>([])
    try stage.produce(count, partitions: 16)
    var configuration = stage.configuration
    configuration.batch.maxWait = 0
    let model = IdentityModel { batch in
      seen.withLock { $0.append(batch.rows) }
      usleep(300)
    }
    let worker = try Worker(model: model, configuration: configuration)
    async let running: Void = worker.run()
    var changes = 0
    while worker.status.recordsSettled < count * 3 / 4 {
      for (rows, target, policy) in [(7, 50, BatchPolicy.adaptive), (200, 5, .adaptive), (33, 1000, .fixed), (64, 20, .adaptive)] {
        var batch = worker.batch
        batch.maxRows = rows
        batch.policy = policy
        batch.adaptive.latencyTarget = Nanoseconds(target) * 1_000_000
        worker.batch = batch
        changes += 1
        let before = seen.withLock { $0.count }
        while seen.withLock({ $0.count }) < before + 3, worker.status.recordsSettled < count { try await Task.sleep(for: .milliseconds(1)) }
        // One batch may have been formed before the change.
        #expect(seen.withLock { $0.dropFirst(before + 1).allSatisfy { $0 <= rows } })
      }
    }
    try await running
    let replies = try stage.broker.client.consume(stage.replies, count: count)
    #expect(Set(replies.compactMap { $0.header("kafka_correlationId") }).count == count && replies.count == count)
    #expect(changes >= 4)
  }

  /// Where every new shape is slow, batches are filled up to shapes that were run before, and nobody sees the rows of padding.
  @Test(arguments: BatchPolicy.allCases) func roundsShapesUpWhereTheModelAsksForIt(_ policy: BatchPolicy) async throws {
    let stage = try Stage(.embedded), seen = Locked<Set<Int>>([])
    try stage.produce(1501)
    var configuration = stage.configuration
    configuration.batch = BatchSettings(maxRows: 24, maxWait: 0)
    configuration.batch.policy = policy
    var model = IdentityModel { batch in
      seen.withLock { _ = $0.insert(batch.rows) }
      // The backlog is met in batches of any size.
      usleep(UInt32.random(in: 0...400))
    }
    model.signature.roundsShapes = true
    let worker = try Worker(model: model, configuration: configuration)
    try await worker.run()
    #expect(seen.withLock { $0 }.isSubset(of: [1, 2, 4, 8, 16, 24]))
    let replies = try stage.broker.client.consume(stage.replies, count: 1501)
    #expect(replies.count == 1501 && replies.allSatisfy { $0.value == row(Int($0.header("kafka_correlationId")!)!) })
    #expect(worker.status.rows == 1501)
  }
}
