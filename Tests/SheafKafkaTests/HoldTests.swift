import Glibc
import Sheaf
import SheafTesting
import Testing

/// Floods of failures, models that stay away or are lost: end to end on the embedded broker.
@Suite struct HoldTests {
  private struct Broken: Error, CustomStringConvertible { var description: String { "broken" } }

  private struct Setting {
    var stage: Stage
    var letters: String
    var configuration: WorkerConfiguration
    let log = Locked<[String]>([])
  }

  private func setting(_ count: Int, partitions: Int = 2) throws -> Setting {
    let stage = try Stage(.embedded, partitions: partitions), letters = uniqueName("letters")
    try stage.broker.createTopic(letters, partitions: 1)
    try stage.produce(count, partitions: partitions)
    var setting = Setting(stage: stage, letters: letters, configuration: stage.configuration)
    setting.configuration.topics.deadLetters = letters
    setting.configuration.batch.maxRows = 16
    let log = setting.log
    setting.configuration.log = { line in log.withLock { $0.append(line) } }
    return setting
  }

  /// A model that fails every run does not empty the topic into the dead letters: the worker is held and stays in its group, what
  /// is settled is committed, and it goes on by order.
  @Test func aBrokenModelHoldsTheWorkerUntilAnOrder() async throws {
    let setting = try setting(2000), isBroken = Locked(true)
    let model = IdentityModel { _ in if isBroken.withLock({ $0 }) { throw Broken() } }
    let worker = try Worker(model: model, configuration: setting.configuration)
    async let run: Void = worker.run()
    try #require(try await eventually { worker.status.hold != nil })
    let hold = try #require(worker.status.hold)
    #expect(hold.contains("failed in their runs") && hold.contains("broken") && hold.contains("/0 offset") || hold.contains("/1 offset"))
    let failed = worker.status.recordsFailed, taken = worker.status.recordsTaken
    #expect(failed <= 64)
    // Its dead letters are settled and committed though it is held, and it takes nothing more.
    try #require(try await eventually { try setting.stage.broker.client.committed(setting.stage.group, setting.stage.requests).reduce(0) { $0 + max(0, $1) } > 0 })
    #expect(worker.status.recordsFailed == failed && worker.status.recordsTaken == taken)
    isBroken.withLock { $0 = false }
    worker.resume()
    try await run
    #expect(worker.status.hold == nil && worker.status.recordsFailed == failed)
    #expect(try setting.stage.broker.client.endOffsets(setting.letters) == [Int64(failed)])
    #expect(try setting.stage.broker.client.endOffsets(setting.stage.replies).reduce(0, +) == 2000)
    #expect(try setting.stage.broker.client.committed(setting.stage.group, setting.stage.requests) == [1000, 1000])
    #expect(setting.log.withLock { $0.filter { $0.hasPrefix("held: ") }.count } == 1)
  }

  /// A stop while held is a clean one: what is kept is given back at once.
  @Test func aHeldWorkerStopsAtOnce() async throws {
    let setting = try setting(500)
    var configuration = setting.configuration
    configuration.drainTimeout = 100_000_000_000
    let worker = try Worker(model: IdentityModel { _ in throw Broken() }, configuration: configuration)
    async let run: Void = worker.run()
    try #require(try await eventually { worker.status.hold != nil })
    let start = monotonicSeconds()
    worker.stop()
    try await run
    // Well before the drain's bound, however busy the machine.
    #expect(monotonicSeconds() - start < 60)
    #expect(worker.status.recordsInside == 0)
  }

  /// A model that is away for longer than its tries last holds the worker; a probe finds it back. No record is failed.
  @Test func aModelThatIsAwayIsWaitedForAndProbed() async throws {
    let setting = try setting(300), runs = Locked(0)
    let model = IdentityModel { _ in if runs.withLock({ $0 += 1; return $0 }) <= 3 { throw ModelUnavailable("restarting") } }
    let worker = try Worker(model: model, configuration: setting.configuration)
    try await worker.run()
    #expect(worker.status.recordsFailed == 0)
    #expect(try setting.stage.broker.client.endOffsets(setting.stage.replies).reduce(0, +) == 300)
  }

  /// A lost model ends the worker well within the drain's bound: what is settled is committed, and what is not is given back.
  @Test func aLostModelCommitsWhatIsSettled() async throws {
    let setting = try setting(1000, partitions: 1), runs = Locked(0)
    let model = IdentityModel { _ in if runs.withLock({ $0 += 1; return $0 }) > 20 { throw ModelLost("unplugged") } }
    let worker = try Worker(model: model, configuration: setting.configuration)
    let start = Locked(0.0)
    await #expect { try await worker.run() } throws: {
      start.withLock { $0 = monotonicSeconds() }
      return "\($0)" == "the model cannot go on: unplugged"
    }
    #expect(worker.status.recordsInside == 0 && worker.status.recordsFailed == 0)
    #expect(try setting.stage.broker.client.committed(setting.stage.group, setting.stage.requests) == [320])
    #expect(try setting.stage.broker.client.endOffsets(setting.stage.replies) == [320])
    #expect(!setting.log.withLock { $0.contains { $0.contains("let go of") } })
  }

  /// A broker that refuses commits for good ends the worker; what is settled by then is committed where that goes again.
  @Test func theLastCommitIsTriedOnceMore() async throws {
    let broker = try EmbeddedBroker(), stage = Stage(broker, requests: uniqueName("requests"), replies: uniqueName("replies"), group: uniqueName("group"))
    for topic in [stage.requests, stage.replies] { try broker.createTopic(topic, partitions: 1) }
    try stage.produce(100, partitions: 1)
    let log = Locked<[String]>([]), begun = Locked(false)
    var configuration = stage.configuration
    configuration.commitInterval = 500_000_000
    configuration.untilEnd = false
    configuration.log = { line in log.withLock { $0.append(line) } }
    let model = IdentityModel { _ in
      // The first commit, of where the partition begins, has been made or is refused too.
      begun.withLock { begun in
        if !begun { broker.pushErrors(8, [30]) }
        begun = true
      }
    }
    await #expect { try await Worker(model: model, configuration: configuration).run() } throws: { "\($0)".contains("refused") }
    #expect(try broker.client.committed(stage.group, stage.requests) == [100])
    #expect(!log.withLock { $0.contains { $0.hasPrefix("the last commit") } })
  }

  /// A configured topic that may not be written to is nobody's record's fault: the worker ends within the drain's bound, says so, and commits what
  /// was settled before.
  @Test func aForbiddenReplyTopicEndsTheWorker() async throws {
    let broker = try EmbeddedBroker(), stage = Stage(broker, requests: uniqueName("requests"), replies: uniqueName("replies"), group: uniqueName("group"))
    for topic in [stage.requests, stage.replies] { try broker.createTopic(topic, partitions: 1) }
    try stage.produce(100, partitions: 1)
    let runs = Locked(0), log = Locked<[String]>([]), made = Locked<Worker?>(nil)
    var configuration = stage.configuration
    configuration.batch.maxRows = 10
    configuration.drainTimeout = 2_000_000_000
    configuration.log = { line in log.withLock { $0.append(line) } }
    let model = IdentityModel { _ in
      // In the fourth run, once the replies of the first three are acknowledged.
      if runs.withLock({ $0 += 1; return $0 }) == 4 {
        while made.withLock({ $0!.status.recordsSettled }) < 30 { usleep(1000) }
        broker.pushErrors(0, Array(repeating: 29, count: 20))
      }
    }
    let worker = try Worker(model: model, configuration: configuration)
    made.withLock { $0 = worker }
    await #expect { try await worker.run() } throws: { "\($0)".hasPrefix("a reply could not be ") && "\($0)".contains("authorization") }
    made.withLock { $0 = nil }
    let committed = try broker.client.committed(stage.group, stage.requests)[0]
    #expect((30...99).contains(committed))
    #expect(worker.status.recordsFailed == 0)
    #expect(log.withLock { $0.last?.hasPrefix("ended: ") } == true)
  }

  /// A topic of records in another format is held after a thousand of them; another topic goes on.
  @Test func aTopicOfMalformedRecordsIsHeld() async throws {
    let setting = try setting(0), other = uniqueName("other")
    try setting.stage.broker.createTopic(other, partitions: 2)
    try setting.stage.broker.client.produce(setting.stage.requests, (0..<5000).map { TestRecord("malformed \($0)", partition: Int32($0 / 10 % 2)) })
    var configuration = setting.configuration
    configuration.untilEnd = false
    configuration.topics.requests.append(other)
    let worker = try Worker(model: IdentityModel(), configuration: configuration)
    async let run: Void = worker.run()
    try #require(try await eventually { worker.status.hold != nil })
    #expect(worker.status.hold?.hasPrefix("topic \(setting.stage.requests): ") == true)
    // One partition may come before the other: all of the first, and some of the second.
    #expect((1000...2564).contains(worker.status.recordsFailed))
    try setting.stage.broker.client.produce(other, (0..<50).map { TestRecord(key: nil, value: row($0), partition: Int32($0 % 2)) })
    try #require(try await eventually { try setting.stage.broker.client.committed(setting.stage.group, other) == [25, 25] })
    #expect(worker.status.recordsFailed <= 2564)
    worker.stop()
    try await run
  }
}
