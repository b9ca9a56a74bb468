import Glibc

/// A throw-away Apache Kafka on loopback, one node or several, each broker and controller in one, run from KAFKA_HOME by the scripts
/// that every download has. Its files go when it goes, and it goes when this process does.
///
/// With three nodes everything has three copies, and a write is acknowledged when two have it: one node may be away.
public final class RealKafka: TestBroker {
  public let bootstrap: String
  /// Where clients connect by way of `proxies`; empty without.
  public let proxiedBootstrap: String
  /// One in front of each node, where asked for: connections made by way of them are cut, delayed and refused at will.
  public let proxies: [TestProxy]
  private let nodes: [Node]
  private let directory: TemporaryDirectory

  /// Formats directories and starts the nodes; returns when they answer (some seconds).
  /// - Parameters:
  ///   - nodes: 1 or 3.
  ///   - proxied: a second listener whose advertised address is a proxy's.
  ///   - settings: broker properties beside ours.
  public init(nodes count: Int = 1, proxied: Bool = false, settings: [String: String] = [:]) throws {
    guard let home = getenv("KAFKA_HOME").map({ String(cString: $0) }) else {
      throw TestClientError("KAFKA_HOME is not set; set it to an unpacked download of Apache Kafka")
    }
    directory = try TemporaryDirectory("sheaf-kafka")
    let (path, ports) = (directory.path, try (0..<count).map { _ in try Node.Ports() })
    let proxies = proxied ? try ports.map { try TestProxy(to: $0.proxied) } : []
    self.proxies = proxies
    bootstrap = ports.map { "127.0.0.1:\($0.client)" }.joined(separator: ",")
    proxiedBootstrap = proxies.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    let voters = ports.enumerated().map { "\($0 + 1)@127.0.0.1:\($1.controller)" }.joined(separator: ",")
    nodes = try ports.indices.map { index in
      let own = count == 1 ? path : "\(path)/node\(index + 1)"
      if count > 1 { mkdir(own, 0o755) }
      var properties = Node.properties(own, ports[index], copies: count).merging(["node.id": "\(index + 1)", "controller.quorum.voters": voters]) { $1 }
      if proxied {
        properties["listeners"]! += ",PROXIED://127.0.0.1:\(ports[index].proxied)"
        properties["advertised.listeners"]! += ",PROXIED://127.0.0.1:\(proxies[index].port)"
      }
      let node = Node(home: home, directory: own, root: path, port: ports[index].client)
      try node.beginFormat(properties.merging(settings) { $1 })
      return node
    }
    for node in nodes { try node.endFormat() }
    try restart()
  }

  deinit { proxies.forEach { $0.close() } }

  /// Starts the nodes again on their old data and addresses, after `stop()` or `kill()`.
  public func restart() throws {
    for node in nodes { try node.start() }
    for node in nodes { try node.waitUntilItAnswers() }
  }

  /// Ends the nodes in order.
  public func stop() { nodes.forEach { $0.end(SIGTERM) } }

  /// Ends the nodes as a crash would.
  public func kill() { nodes.forEach { $0.end(SIGKILL) } }

  /// The same for one node, counted from 0.
  public func restart(_ node: Int) throws {
    try nodes[node].start()
    try nodes[node].waitUntilItAnswers()
  }

  public func stop(_ node: Int) { nodes[node].end(SIGTERM) }
  public func kill(_ node: Int) { nodes[node].end(SIGKILL) }

  /// Returns when every node knows the topic, whichever a client asks.
  public func createTopic(_ name: String, partitions: Int) throws {
    try client.createTopic(name, partitions: partitions, copies: nodes.count)
    for address in bootstrap.split(separator: ",") {
      guard looks(for: 30, until: { (try? TestClient(bootstrap: String(address)).partitions(name)) == partitions }) else { throw TestClientError("\(address) does not hear of topic \(name)") }
    }
  }

  /// What the nodes have written so far, for the message of a failure.
  public var log: String { nodes.map(\.log).joined() }
}
