import Glibc
import SheafTesting
import Testing

extension Stage {
  /// - Parameter librdkafka: nil: Debian's.
  func startWorker(_ settings: String..., librdkafka folder: String? = nil) throws -> ChildProcess {
    try startWorker(settings, librdkafka: folder)
  }

  /// - Parameters: librdkafka: nil: Debian's; output: a file for its lines; nil: this process's.
  func startWorker(_ settings: [String], librdkafka folder: String? = nil, output: String? = nil) throws -> ChildProcess {
    try ChildProcess(
      [try builtExecutable("TestWorker"), broker.bootstrap, group, requests, replies, "session.timeout.ms=6000", "heartbeat.interval.ms=500", "fetch.wait.max.ms=10"] + settings,
      environment: folder.map { ["LD_LIBRARY_PATH": $0] } ?? [:], output: output.map { .file($0) } ?? .inherited)
  }
}

/// What a group had committed at one time, and how long the replies topic was right after.
private struct Sample {
  var committed: [Int64]
  var repliesEnd: [Int64]
}

@Suite(.serialized, .enabled(if: Brokers.available.contains(.real), "needs Apache Kafka: set KAFKA_HOME")) struct KillTests {
  /// `busy`: microseconds a batch of 64 takes; 0: as fast as it goes.
  @Test(arguments: [0, 2000]) func aKilledWorkerLosesNothing(busy: Int) throws {
    let count = 100_000, partitions = 4
    let stage = try Stage(.real, partitions: partitions)
    try stage.produce(count, partitions: partitions)
    let client = stage.broker.client

    let settings = ["rows=64", "busy=\(busy)", "records=20000"]
    let first = try stage.startWorker(settings[0], settings[1], settings[2])
    let second = try stage.startWorker(settings[0], settings[1], settings[2])
    var third: ChildProcess?
    var samples: [Sample] = []
    let begun = monotonicSeconds()
    while true {
      let sample = Sample(committed: try client.committed(stage.group, stage.requests), repliesEnd: try client.endOffsets(stage.replies))
      samples.append(sample)
      if third == nil, sample.repliesEnd.reduce(0, +) > count / 3 {
        first.signal(SIGKILL)
        third = try stage.startWorker(settings[0], settings[1], settings[2])
      }
      if sample.committed == [Int64](repeating: Int64(count / partitions), count: partitions) { break }
      try #require(monotonicSeconds() - begun < 90, "committed only \(sample.committed)")
    }
    #expect(third != nil, "the work was over before the kill")
    for worker in [second, third].compactMap(\.self) {
      worker.signal(SIGTERM)
      #expect(worker.wait(seconds: 20) == .code(0))
    }

    // Every record was answered at least once, and at no time was anything committed that was not answered by then.
    let replies = try client.consume(stage.replies, count: Int(try client.endOffsets(stage.replies).reduce(0, +)))
    var answers = [[(partition: Int, offset: Int64)]](repeating: [], count: count)
    for reply in replies { answers[Int(reply.header("kafka_correlationId")!)!].append((Int(reply.partition), reply.offset)) }
    #expect(answers.allSatisfy { !$0.isEmpty })
    var early = 0
    for sample in samples {
      for partition in 0..<partitions where sample.committed[partition] > 0 {
        for offset in 0..<Int(sample.committed[partition]) {
          let isAnswered = answers[offset * partitions + partition].contains { $0.offset < sample.repliesEnd[$0.partition] }
          if !isAnswered { early += 1 }
        }
      }
    }
    #expect(early == 0, "\(early) committed before their answer")
    print("killed \(busy == 0 ? "at full speed" : "busy"): \(count) records, \(replies.count - count) answered twice, \(samples.count) samples of commits")
  }
}
