import Glibc
import SheafTesting
import Testing

/// How a group shares its partitions, and the librdkafka that a worker does it with.
enum GroupProtocol: String, CaseIterable {
  /// Eager: everything is revoked at every join.
  case range
  case cooperative
  /// The broker assigns (KIP-848); librdkafka 2.12 and newer.
  case consumer
  /// librdkafka 2.0.2, whose commits at a join lose the assignment.
  case cooperativeOnDebian

  var settings: [String] {
    switch self {
    case .range: []
    case .cooperative, .cooperativeOnDebian: ["partition.assignment.strategy=cooperative-sticky"]
    case .consumer: ["group.protocol=consumer", "session.timeout.ms", "heartbeat.interval.ms"]
    }
  }

  var librdkafka: String? {
    get throws {
      switch self {
      case .range, .cooperativeOnDebian: nil
      case .cooperative, .consumer: try Installed.newerLibrdkafka
      }
    }
  }
}

extension Stage {
  /// Waits until so many records are committed in all.
  func waitForCommit(_ count: Int, seconds: Double = 150) throws {
    try wait(for: count, seconds, "committed") { try broker.client.committed(group, requests) }
  }

  /// Waits until the group has an offset for every partition.
  func waitForStart(seconds: Double = 20) throws {
    try wait(for: 1, seconds, "begun") { [try broker.client.committed(group, requests).contains(-1) ? 0 : 1] }
  }

  /// Waits until there are so many replies.
  func waitForReplies(_ count: Int, seconds: Double = 150) throws {
    try wait(for: count, seconds, "answered") { try broker.client.endOffsets(replies) }
  }

  private func wait(for count: Int, _ seconds: Double, _ what: String, _ offsets: () throws -> [Int64]) throws {
    let begun = monotonicSeconds()
    while true {
      let now = try offsets()
      if now.reduce(0, { $0 + max(0, $1) }) >= Int64(count) { return }
      try #require(monotonicSeconds() - begun < seconds, "\(what) only \(now) of \(count)")
      usleep(50_000)
    }
  }

  /// Replies beyond one to each of `count` records; every record has to have one.
  func repeats(_ count: Int) throws -> Int {
    let replies = try broker.client.consume(replies, count: Int(try broker.client.endOffsets(replies).reduce(0, +)))
    #expect(Set(replies.compactMap { $0.header("kafka_correlationId") }).count == count, "records without an answer")
    return replies.count - count
  }
}

/// What a group's changes do to workers under load.
@Suite(.serialized, .enabled(if: Brokers.available.contains(.real), "needs Apache Kafka: set KAFKA_HOME")) struct RebalanceTests {
  /// Workers come and go under load, each with a drain that ends in time: no record is answered twice.
  @Test(arguments: GroupProtocol.allCases) func aRollingRestartAnswersNothingTwice(_ kind: GroupProtocol) throws {
    let stage = try Stage(.real, partitions: 6), count = 15_000, begun = monotonicSeconds()
    try stage.produce(count, partitions: 6)
    let settings = ["rows=16", "busy=4000", "records=4000"] + kind.settings
    func start() throws -> ChildProcess { try stage.startWorker(settings, librdkafka: try kind.librdkafka) }
    var workers = try (0..<3).map { _ in try start() }
    for index in 0..<3 {
      try stage.waitForReplies(count / 5 * (index + 1))
      workers[index].signal(SIGTERM)
      let exit = workers[index].wait(seconds: 20)
      if kind != .cooperativeOnDebian { #expect(exit == .code(0)) }
      workers.append(try start())
    }
    try stage.waitForCommit(count)
    for worker in workers[3...] {
      worker.signal(SIGTERM)
      let exit = worker.wait(seconds: 20)
      if kind != .cooperativeOnDebian { #expect(exit == .code(0)) }
    }
    let repeats = try stage.repeats(count)
    // A commit behind a join loses the assignment there: nothing is lost, but some is answered again.
    if kind != .cooperativeOnDebian { #expect(repeats == 0) }
    print("rolling restart, \(kind): \(count) records in \(Int(monotonicSeconds() - begun)) s, \(repeats) answered twice")
  }

  /// A second worker joins one that is slow and has much inside: what leaves is drained in time, whatever waits of the rest.
  @Test(arguments: [GroupProtocol.cooperative, .consumer]) func aDrainDoesNotWaitForWhatStays(_ kind: GroupProtocol) throws {
    let stage = try Stage(.real), directory = try TemporaryDirectory(), count = 8000, log = directory.path + "/first"
    try stage.produce(count)
    let settings = ["rows=16", "busy=50000", "records=8000", "drain=4000", "isolate=false"] + kind.settings
    let first = try stage.startWorker(settings, librdkafka: try kind.librdkafka, output: log)
    try stage.waitForReplies(200)
    let second = try stage.startWorker(settings, librdkafka: try kind.librdkafka)
    // What is told once the revoke was answered; at 320 rows a second what is inside takes the first 12 s and more.
    try #require(looks(for: 60) { (try? readText(log))?.contains("assigned no partitions") == true })
    let words = try readText(log)
    #expect(!words.contains("let go of"), "\(words)")
    first.signal(SIGKILL)
    second.signal(SIGKILL)
  }

  /// A static member that is back within its session costs the others no rebalance and nobody a repeat.
  @Test func aStaticMemberComesBackUnnoticed() throws {
    let stage = try Stage(.real), directory = try TemporaryDirectory(), count = 12_000
    func start(_ name: String) throws -> ChildProcess {
      try stage.startWorker(["rows=16", "busy=6000", "records=4000", "group.instance.id=\(name)"], output: directory.path + "/" + name)
    }
    func rebalances(_ name: String) throws -> Int { try readText(directory.path + "/" + name).split(separator: "\n").count { $0.contains("revoked ") || $0.contains("assigned ") } }
    try stage.produce(count)
    let first = try start("a"), second = try start("b")
    try stage.waitForReplies(count / 3)
    let before = try rebalances("b")
    first.signal(SIGTERM)
    #expect(first.wait(seconds: 20) == .code(0))
    let again = try start("a")
    try stage.waitForCommit(count)
    #expect(try rebalances("b") == before, "the other member was told")
    for worker in [again, second] {
      worker.signal(SIGTERM)
      #expect(worker.wait(seconds: 20) == .code(0))
    }
    let repeats = try stage.repeats(count)
    #expect(repeats == 0)
    print("a static member's restart: \(count) records, \(repeats) answered twice, no rebalance at the other")
  }

  /// Two members with one id: the broker fences the earlier, which says so, commits nothing more and ends.
  @Test func aFencedMemberSaysWhyItEnds() throws {
    let stage = try Stage(.real), directory = try TemporaryDirectory(), count = 8000
    try stage.produce(count)
    let settings = ["rows=16", "busy=6000", "records=4000", "group.instance.id=same"]
    let first = try stage.startWorker(settings, output: directory.path + "/first")
    try stage.waitForReplies(count / 4)
    let second = try stage.startWorker(settings, output: directory.path + "/second")
    #expect(first.wait(seconds: 20) == .code(1))
    let words = try readText(directory.path + "/first").split(separator: "\n").last { $0.hasPrefix("TestWorker: ") }
    #expect(words?.contains("FENCED_INSTANCE_ID") == true && words?.contains("group.instance.id same") == true, "\(words ?? "no last words")")
    try stage.waitForCommit(count)
    second.signal(SIGTERM)
    #expect(second.wait(seconds: 20) == .code(0))
    let repeats = try stage.repeats(count)
    #expect(repeats <= 4000)
    print("two members with one id: \(count) records, \(repeats) answered twice; \(words ?? "")")
  }

  /// A worker that sleeps beyond its session while it has records inside: the others have answered them by then. Its late results
  /// commit nothing, it joins again and goes on.
  @Test(arguments: [GroupProtocol.range, .cooperative, .consumer]) func aWorkerBeyondItsSessionCommitsNothing(_ kind: GroupProtocol) throws {
    let stage = try Stage(.real), directory = try TemporaryDirectory(), count = 16_000, bound = 2000
    try stage.produce(count)
    let settings = ["rows=16", "busy=12000", "records=\(bound)", "session.timeout.ms=2000", "heartbeat.interval.ms=300"] + kind.settings
    func start(_ name: String) throws -> ChildProcess {
      try stage.startWorker(settings, librdkafka: try kind.librdkafka, output: directory.path + "/" + name)
    }
    func assignments(_ name: String) throws -> Int { try readText(directory.path + "/" + name).split(separator: "\n").count { $0.contains("assigned requests") } }
    let first = try start("first"), second = try start("second")
    try stage.waitForReplies(count / 4)
    first.signal(SIGSTOP)
    let before = try assignments("first"), stopped = monotonicSeconds(), sleep = kind == .consumer ? 8.0 : 5.0  // The broker's session.
    var last = [Int64](repeating: -1, count: 4), isBack = false
    while true {
      let now = try stage.broker.client.committed(stage.group, stage.requests)
      for partition in 0..<4 { #expect(now[partition] >= last[partition], "a late result was committed over another member's") }
      last = now
      if !isBack, monotonicSeconds() - stopped > sleep {
        first.signal(SIGCONT)
        isBack = true
      }
      if isBack, now.reduce(0, +) >= Int64(count) { break }
      try #require(monotonicSeconds() - stopped < 60, "committed only \(now)")
      usleep(20_000)
    }
    #expect(try assignments("first") > before, "it has not joined again")
    for worker in [first, second] {
      worker.signal(SIGTERM)
      #expect(worker.wait(seconds: 20) == .code(0))
    }
    let repeats = try stage.repeats(count)
    #expect(repeats <= bound)
    print("stopped beyond its session, \(kind): \(count) records, \(repeats) answered twice")
  }
}
