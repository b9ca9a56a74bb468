import SheafTesting

/// A Kafka in memory for trying things out.
enum BrokerCommand: Subcommand {
  static let summary = "run an embedded Kafka broker, in memory, for trying things out"
  static let help = """
    usage: sheaf broker [--port PORT] [--topic NAME:PARTITIONS]…

    Runs librdkafka's mock cluster on 127.0.0.1 until it is stopped (control-C), for trials without a Kafka: clients of any
    kind connect to it. Records are kept in memory, 5 MiB a partition; older ones are dropped. A group's first join takes 3 s,
    every later one as long as session.timeout.ms: set kafka.session.timeout.ms: 6000 in a worker's configuration.

    \(options.help)

    example:
      sheaf broker --topic numbers:4 --topic doubled:4
    """

  static let options = [
    Option("port", "PORT", "where clients connect; default 9092"),
    Option("topic", "NAME:PARTITIONS", "a topic to create; default requests:4 and replies:4; others are created when a producer first uses them", repeats: true),
    Option("brokers", "COUNT", "brokers in the cluster, 1 to 10; default 1"),
  ]

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, command: "broker")
    let port = try number(arguments["port"] ?? "9092", 1...65535, "--port")
    let brokers = try number(arguments["brokers"] ?? "1", 1...10, "--brokers")
    let named = arguments.all("topic")
    let topics = try (named.isEmpty ? ["requests:4", "replies:4"] : named).map(topic)
    let broker = try EmbeddedBroker(brokers: brokers, topics: topics, port: UInt16(port))
    Terminal.print(broker.bootstrap)
    Terminal.note("sheaf: topics \(topics.map { "\($0.0):\($0.1)" }.joined(separator: " ")); control-C stops")
    await withCheckedContinuation { continuation in
      Signals.onStop { continuation.resume() }
    }
    broker.close()
    return ExitCode.success
  }

  /// "requests:4" taken apart.
  private static func topic(_ text: String) throws(UsageError) -> (String, Int) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { throw UsageError("broker: --topic \(text): write NAME:PARTITIONS, as in requests:4") }
    return (String(parts[0]), try number(String(parts[1]), 1...1000, "--topic \(text): partitions"))
  }

  private static func number(_ text: String, _ range: ClosedRange<Int>, _ what: String) throws(UsageError) -> Int {
    guard let value = Int(text), range.contains(value) else {
      throw UsageError("broker: \(what): \(text) is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}
