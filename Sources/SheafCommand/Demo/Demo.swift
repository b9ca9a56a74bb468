import SheafTesting

/// Broker, workers, texts, questions, and the books at the end.
struct Demo {
  static let partitions = 4
  private static let questions = ["What is it like to write software?", "Can money make you happy?"]

  let model: String
  let texts: [String]

  func run() throws -> Int32 {
    let topics = [(DemoWorkers.requests, Self.partitions), (DemoWorkers.replies, Self.partitions)]
    let broker = try EmbeddedBroker(topics: topics)
    Terminal.print("broker   \(broker.bootstrap), topics \(topics.map(\.0).joined(separator: " and ")) of \(Self.partitions) partitions")
    let workers = try DemoWorkers(bootstrap: broker.bootstrap, model: model)
    Terminal.print("workers  processes \(workers.pids.map(String.init).joined(separator: " and ")) in group \(DemoWorkers.group), model \(model)")

    let exchange = try Exchange(bootstrap: broker.bootstrap, workers: workers)
    // One a partition, so that what is measured begins when the group has formed.
    Terminal.print("joining  the broker gives members of a new group 3 seconds to gather")
    _ = try exchange.ask(Array(repeating: "Hello?", count: Self.partitions))

    Terminal.print("sending  \(texts.count) texts, at most \(Exchange.outstanding) under way")
    var progress = Progress(total: texts.count)
    let start = monotonicSeconds()
    let bulk = try exchange.ask(texts) { progress.show($0) }
    let seconds = monotonicSeconds() - start
    let asked = try Self.questions.map { try exchange.ask([$0]).lowerBound }
    try workers.stop()

    let report = DemoReport(
      texts: texts, replies: Array(exchange.replies[bulk]), seconds: seconds, duplicates: exchange.duplicates,
      unanswered: exchange.replies.count { $0 == nil }, failed: exchange.replies.count { $0?.error != nil },
      questions: zip(Self.questions, asked).map { ($0, exchange.replies[$1]) },
      committed: try broker.client.committed(DemoWorkers.group, DemoWorkers.requests),
      endOffsets: try broker.client.endOffsets(DemoWorkers.requests))
    report.lines.forEach(Terminal.print)
    report.problems.forEach { Terminal.error("demo: \($0)") }
    return report.problems.isEmpty ? ExitCode.success : ExitCode.failure
  }
}
