import Glibc

/// A throw-away node of Apache Kafka on loopback: broker and controller in one, run from KAFKA_HOME by the scripts that every
/// download has. Its files go when it goes, and it goes when this process does.
public final class RealKafka: TestBroker {
  public let bootstrap: String
  private let home: String
  private let directory: TemporaryDirectory
  private let process = Locked<ChildProcess?>(nil)

  /// Formats a directory and starts the node; returns when it answers (some seconds).
  /// - Parameter settings: broker properties beside ours.
  public init(settings: [String: String] = [:]) throws {
    guard let home = getenv("KAFKA_HOME") else {
      throw TestClientError("KAFKA_HOME is not set; set it to an unpacked download of Apache Kafka")
    }
    self.home = String(cString: home)
    directory = try TemporaryDirectory("sheaf-kafka")
    let (port, controllerPort) = (try freePort(), try freePort())
    bootstrap = "127.0.0.1:\(port)"
    let properties = Self.properties(directory.path, port, controllerPort).merging(settings) { $1 }
    try writeText(properties.map { "\($0.key)=\($0.value)\n" }.sorted().joined(), to: propertiesFile)
    let format = try script("kafka-storage.sh", "format", "-t", "c2hlYWYtdGVzdHMtMDAwMA", "-c", propertiesFile)
    guard format.wait() == .code(0) else { throw TestClientError("kafka-storage.sh format failed:\n\(log)") }
    try start()
  }

  /// Starts the node again on its old data and address, after `stop()` or `kill()`.
  public func restart() throws { try start() }

  /// Ends the node in order.
  public func stop() {
    guard let process = process.withLock({ $0.take() }) else { return }
    process.signal(SIGTERM)
    _ = process.wait(seconds: 30)
  }

  /// Ends the node as a crash would.
  public func kill() {
    guard let process = process.withLock({ $0.take() }) else { return }
    process.signal(SIGKILL)
    process.wait()
  }

  public func createTopic(_ name: String, partitions: Int) throws { try client.createTopic(name, partitions: partitions) }

  /// What the node has written so far, for the message of a failure.
  public var log: String { (try? readText(logFile)) ?? "" }

  private var propertiesFile: String { directory.path + "/server.properties" }
  private var logFile: String { directory.path + "/log" }

  private func start() throws {
    let node = try script("kafka-server-start.sh", propertiesFile)
    process.withLock { $0 = node }
    let client = client
    for _ in 0..<60 {
      guard node.isRunning else { throw TestClientError("kafka-server-start.sh ended:\n\(log.suffix(3000))") }
      if client.answers(within: 1) { return }
    }
    throw TestClientError("Kafka did not answer within a minute:\n\(log.suffix(3000))")
  }

  private func script(_ name: String, _ arguments: String...) throws -> ChildProcess {
    try ChildProcess(
      ["\(home)/bin/\(name)"] + arguments,
      environment: [
        "KAFKA_HEAP_OPTS": "-Xmx384m -Xms128m", "LOG_DIR": directory.path + "/logs",
        // Starts sooner, and leaves the cores to the tests.
        "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true",
      ],
      output: .file(logFile), removing: directory.path)
  }

  private static func properties(_ directory: String, _ port: UInt16, _ controllerPort: UInt16) -> [String: String] {
    [
      "process.roles": "broker,controller",
      "node.id": "1",
      "controller.quorum.voters": "1@127.0.0.1:\(controllerPort)",
      "controller.listener.names": "CONTROLLER",
      "listeners": "PLAINTEXT://127.0.0.1:\(port),CONTROLLER://127.0.0.1:\(controllerPort)",
      "advertised.listeners": "PLAINTEXT://127.0.0.1:\(port)",
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
      "log.dirs": directory + "/data",
      "auto.create.topics.enable": "false",
      // One node: a copy of everything. Few partitions: a sooner start.
      "offsets.topic.replication.factor": "1",
      "offsets.topic.num.partitions": "4",
      "transaction.state.log.replication.factor": "1",
      "transaction.state.log.min.isr": "1",
      "transaction.state.log.num.partitions": "4",
      "share.coordinator.state.topic.replication.factor": "1",
      "share.coordinator.state.topic.min.isr": "1",
      // Groups form at once, and members of tests may be short-lived.
      "group.initial.rebalance.delay.ms": "0",
      "group.min.session.timeout.ms": "1000",
      "group.consumer.min.session.timeout.ms": "1000",
      "group.consumer.session.timeout.ms": "6000",
      "group.consumer.min.heartbeat.interval.ms": "100",
      "group.consumer.heartbeat.interval.ms": "300",
      // After a kill the node counts itself as gone in seconds.
      "broker.heartbeat.interval.ms": "500",
      "broker.session.timeout.ms": "3000",
    ]
  }
}
