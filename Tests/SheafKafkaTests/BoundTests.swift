import Glibc
import Sheaf
import SheafTesting
import Testing

/// Resident memory of a process in bytes.
private func resident(_ pid: pid_t) throws -> Int {
  let pages = try readText("/proc/\(pid)/statm").split(separator: " ")[1]
  return Int(pages)! * sysconf(Int32(_SC_PAGESIZE))
}

/// The TestWorker's report: a line of counts each 100 ms.
private struct Report {
  var inside = 0, bytes = 0, taken = 0, settled = 0, fetched = 0

  static func read(_ path: String) throws -> [Report] {
    try readText(path).split(separator: "\n").compactMap { line in
      let numbers = line.split(separator: " ").compactMap { Int($0) }
      return numbers.count == 5 ? Report(inside: numbers[0], bytes: numbers[1], taken: numbers[2], settled: numbers[3], fetched: numbers[4]) : nil
    }
  }
}

@Suite(.serialized, .enabled(if: Brokers.available.contains(.real), "needs Apache Kafka: set KAFKA_HOME")) struct BoundTests {
  /// A slow model under a deep backlog: intake stops at the bound, nothing is fetched twice, the worker stays in its group.
  /// SHEAF_BACKLOG=2000000 in the environment makes it a backlog of so many small records, for two minutes.
  @Test(arguments: [false, true]) func aWorkerAtItsBoundHoldsItsMemoryAndItsPlace(newerLibrary: Bool) throws {
    let stage = try Stage(.real), directory = try TemporaryDirectory(), client = stage.broker.client
    let backlog = getenv("SHEAF_BACKLOG").flatMap { Int(String(cString: $0)) }
    let bound = 16 << 20, width = backlog == nil ? 4096 : 256, seconds = backlog == nil ? 30.0 : 120.0
    let report = directory.path + "/report"
    let worker = try stage.startWorker(
      "width=\(width)", "rows=64", "busy=200000", "bytes=\(bound)", "records=100000", "report=\(report)", "max.poll.interval.ms=8000",
      librdkafka: newerLibrary ? Installed.newerLibrdkafka : nil)
    // Warm: some records through, then idle.
    let warm = 256, count = backlog ?? 40_000
    let value = [UInt8](repeating: 7, count: width)
    func produce(_ range: Range<Int>) throws {
      try client.produce(stage.requests, range.lazy.map { TestRecord(key: nil, value: value, headers: [.init("kafka_correlationId", Array("\($0)".utf8))], partition: Int32($0 % 4)) })
    }
    try produce(0..<warm)
    _ = try client.consume(stage.replies, count: warm)
    let idle = try resident(worker.pid)

    try produce(warm..<count)
    let begun = monotonicSeconds()
    var most = 0
    while monotonicSeconds() - begun < seconds {
      most = max(most, try resident(worker.pid))
      usleep(100_000)
    }
    let last = try #require(try Report.read(report).last)
    let peakBytes = try Report.read(report).map(\.bytes).max()!
    let committed = try client.committed(stage.group, stage.requests).reduce(0, +)
    // Still a member after more than three times max.poll.interval.ms: its commits are accepted.
    #expect(committed > Int64(warm) && committed >= Int64(last.settled) - 64 * 8)
    #expect(last.settled < count - 10_000, "the backlog must not run out")
    #expect(last.inside > 1000)
    let prefetch = bound / 4 / width
    #expect(peakBytes + (prefetch * width + bound / 8) <= bound)
    #expect(Double(last.fetched) <= 1.3 * Double(last.taken) + Double(prefetch))
    if !isSanitized { #expect(most - idle < 2 * bound) }
    print("\(newerLibrary ? "newer" : "Debian's") librdkafka, \(count) records, at its bound of \(bound >> 20) MiB for \(Int(seconds)) s: \(peakBytes >> 10) KiB accounted, resident memory grew by \((most - idle) >> 10) KiB, fetched \(last.fetched) for \(last.taken) taken (prefetch \(prefetch))")
    worker.signal(SIGTERM)
    #expect(worker.wait(seconds: 20) == .code(0))
  }

  /// One record that the model sleeps on: its partition waits at its span bound, the others go on to their ends.
  @Test func aStuckRecordHoldsItsPartitionAlone() async throws {
    let stage = try Stage(.real), count = 8000, span = 300
    let isStuck = Locked(false), isFree = Locked(false)
    let model = IdentityModel { batch in
      guard batch.input(0)[1] == 0xee else { return }
      isStuck.withLock { $0 = true }
      while !isFree.withLock({ $0 }) { usleep(10_000) }
    }
    var stuck = row(0)
    stuck[1] = 0xee
    try stage.broker.client.produce(stage.requests, [TestRecord(key: nil, value: stuck, headers: [.init("kafka_correlationId", Array("0".utf8))], partition: 0)])
    var configuration = stage.configuration
    configuration.lanes = 2
    configuration.limits.span = span
    configuration.limits.records = 4000
    configuration.untilEnd = false
    let worker = try Worker(model: model, configuration: configuration)
    async let end: Void = worker.run()
    #expect(try await eventually { isStuck.withLock { $0 } })
    try stage.broker.client.produce(stage.requests, (1..<count).map { index in
      TestRecord(key: nil, value: [UInt8](repeating: 1, count: 256), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: Int32(index % 4))
    })
    let quarter = Int64(count / 4), begun = monotonicSeconds()
    while try stage.broker.client.committed(stage.group, stage.requests)[1...].contains(where: { $0 < quarter }) {
      try #require(monotonicSeconds() - begun < 30)
      try await Task.sleep(for: .milliseconds(50))
    }
    // The held partition: its first record is not committed, and no more than the span (and what a chunk overshoots) is answered.
    #expect(try stage.broker.client.committed(stage.group, stage.requests)[0] <= 0)
    let answered = try stage.broker.client.endOffsets(stage.replies).reduce(0, +) - 3 * quarter
    #expect(answered >= Int64(span) - 1 && answered <= Int64(span + 1000))
    // What is kept aside counts.
    #expect(worker.status.recordsInside >= 1 && worker.status.recordsInside <= 4000)
    isFree.withLock { $0 = true }
    while try stage.broker.client.committed(stage.group, stage.requests)[0] < quarter {
      try #require(monotonicSeconds() - begun < 60)
      try await Task.sleep(for: .milliseconds(50))
    }
    worker.stop()
    try await end
    #expect(worker.status.recordsInside == 0 && worker.status.recordsTaken == worker.status.recordsSettled)
    #expect(try stage.broker.client.endOffsets(stage.replies).reduce(0, +) == Int64(count))
  }

  /// An idle worker sleeps, and is still in its group after three times max.poll.interval.ms.
  @Test func anIdleWorkerSleepsAndStaysInItsGroup() throws {
    let stage = try Stage(.real)
    let worker = try stage.startWorker("max.poll.interval.ms=6000", "heartbeat.interval.ms=2000", "fetch.wait.max.ms=500")  // librdkafka's default wait
    try stage.produce(4)
    _ = try stage.broker.client.consume(stage.replies, count: 4)
    usleep(1_500_000)  // The last commit.
    let before = try cpuSeconds(worker.pid), begun = monotonicSeconds()
    usleep(19_000_000)
    let share = (try cpuSeconds(worker.pid) - before) / (monotonicSeconds() - begun)
    #expect(share < 0.01)
    // A member still: it answers at once, without a new join.
    try stage.produce(4)
    #expect(try stage.broker.client.consume(stage.replies, count: 8, seconds: 2).count == 8)
    print("an idle worker used \(share * 100) % of a core")
    worker.signal(SIGTERM)
    #expect(worker.wait(seconds: 20) == .code(0))
    #expect(try stage.broker.client.committed(stage.group, stage.requests) == [2, 2, 2, 2])
  }

  private func cpuSeconds(_ pid: pid_t) throws -> Double {
    let fields = try readText("/proc/\(pid)/stat").split(separator: ")").last!.split(separator: " ")
    return Double(Int(fields[11])! + Int(fields[12])!) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}
