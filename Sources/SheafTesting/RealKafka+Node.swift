import Glibc

extension RealKafka {
  /// One process of a Kafka.
  final class Node: Sendable {
    private let home: String
    private let directory: String
    private let root: String
    private let port: UInt16
    private let process = Locked<ChildProcess?>(nil)

    struct Ports {
      var client: UInt16, controller: UInt16, proxied: UInt16

      init() throws { (client, controller, proxied) = (try freePort(), try freePort(), try freePort()) }
    }

    /// - Parameters:
    ///   - directory: its own.
    ///   - root: of the whole Kafka, which goes when this process does.
    init(home: String, directory: String, root: String, port: UInt16) {
      (self.home, self.directory, self.root, self.port) = (home, directory, root, port)
    }

    func beginFormat(_ properties: [String: String]) throws {
      try writeText(properties.map { "\($0.key)=\($0.value)\n" }.sorted().joined(), to: propertiesFile)
      let format = try script("kafka-storage.sh", "format", "-t", "c2hlYWYtdGVzdHMtMDAwMA", "-c", propertiesFile)
      process.withLock { $0 = format }
    }

    func endFormat() throws {
      guard process.withLock({ $0.take() })?.wait() == .code(0) else { throw TestClientError("kafka-storage.sh format failed:\n\(log)") }
    }

    func start() throws {
      let node = try script("kafka-server-start.sh", propertiesFile)
      process.withLock { $0 = node }
    }

    func waitUntilItAnswers() throws {
      let client = TestClient(bootstrap: "127.0.0.1:\(port)")
      for _ in 0..<180 {  // Three nodes on busy cores take minutes.
        guard process.withLock({ $0 })?.isRunning == true else { throw TestClientError("kafka-server-start.sh ended:\n\(log.suffix(3000))") }
        if client.answers(within: 1) { return }
      }
      throw TestClientError("Kafka did not answer within three minutes:\n\(log.suffix(3000))")
    }

    /// Ends the process by a signal; waits for it (30 s, and then the signal is SIGKILL).
    func end(_ signal: Int32) {
      guard let process = process.withLock({ $0.take() }) else { return }
      process.signal(signal)
      _ = process.wait(seconds: 30)
    }

    var log: String { (try? readText(logFile)) ?? "" }

    private var propertiesFile: String { directory + "/server.properties" }
    private var logFile: String { directory + "/log" }

    private func script(_ name: String, _ arguments: String...) throws -> ChildProcess {
      try ChildProcess(
        ["\(home)/bin/\(name)"] + arguments,
        environment: [
          "KAFKA_HEAP_OPTS": "-Xmx384m -Xms128m", "LOG_DIR": directory + "/logs",
          // Starts sooner, and leaves the cores to the tests.
          "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true",
        ],
        output: .file(logFile), removing: root)
    }

    /// - Parameter copies: of everything; a write is acknowledged when all but one have it.
    static func properties(_ directory: String, _ ports: Ports, copies: Int) -> [String: String] {
      [
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "listeners": "PLAINTEXT://127.0.0.1:\(ports.client),CONTROLLER://127.0.0.1:\(ports.controller)",
        "advertised.listeners": "PLAINTEXT://127.0.0.1:\(ports.client)",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
        "log.dirs": directory + "/data",
        "auto.create.topics.enable": "false",
        "min.insync.replicas": "\(max(1, copies - 1))",
        // Few partitions: a sooner start.
        "offsets.topic.replication.factor": "\(copies)",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "\(copies)",
        "transaction.state.log.min.isr": "\(max(1, copies - 1))",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "\(copies)",
        "share.coordinator.state.topic.min.isr": "\(max(1, copies - 1))",
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
}
