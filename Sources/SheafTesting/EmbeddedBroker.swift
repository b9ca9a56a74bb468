import CLibrdkafka
import Glibc
import Synchronization

/// Kafka in this process: librdkafka's mock cluster, reached over loopback by clients in this and other processes.
///
/// Good for demos and most tests. Its limits: the first join of a group takes 3 s and every later rebalance
/// session.timeout.ms − 1 s; it keeps 5 MiB a partition and drops older records silently; a fetch that finds nothing waits all
/// of fetch.wait.max.ms; transactions are acknowledged but mean nothing; no TLS, SASL or admin requests.
public final class EmbeddedBroker: TestBroker, @unchecked Sendable {  // Every call locks inside librdkafka.
  public let bootstrap: String
  private let client: OpaquePointer
  private let cluster: OpaquePointer
  private let forwarder: PortForwarder?
  private let closed = Atomic(false)

  /// Starts the cluster.
  /// - Parameters:
  ///   - brokers: how many; their ids count from 1.
  ///   - topics: names and partition counts.
  ///   - port: where clients find the cluster on 127.0.0.1; `nil`: wherever a port is free. The brokers' own ports are the
  ///     library's choice, so this is a forwarder for the first connection, whose metadata sends clients on.
  public init(brokers: Int = 1, topics: [(String, Int)] = [], port: UInt16? = nil) throws {
    client = try makeClient(RD_KAFKA_PRODUCER, [:])
    guard let cluster = rd_kafka_mock_cluster_new(client, Int32(brokers)) else {
      rd_kafka_destroy(client)
      throw TestClientError("the mock cluster did not start")
    }
    self.cluster = cluster
    let addresses = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
    do {
      forwarder = try port.map { try PortForwarder(from: $0, to: Self.ports(addresses)[0]) }
    } catch {
      rd_kafka_mock_cluster_destroy(cluster)
      rd_kafka_destroy(client)
      throw error
    }
    bootstrap = port.map { "127.0.0.1:\($0)" } ?? addresses
    disableNagle()
    for (name, partitions) in topics { try createTopic(name, partitions: partitions) }
  }

  deinit { close() }

  /// Ends the cluster and its connections. No other call may follow or be under way.
  public func close() {
    guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    forwarder?.close()
    rd_kafka_mock_cluster_destroy(cluster)
    rd_kafka_destroy(client)
  }

  public func createTopic(_ name: String, partitions: Int) throws {
    try check(rd_kafka_mock_topic_create(cluster, name, Int32(partitions), 1), "create topic \(name)")
  }

  /// Cuts the broker's connections and refuses new ones.
  public func setDown(_ broker: Int = 1) throws {
    try check(rd_kafka_mock_broker_set_down(cluster, Int32(broker)), "set broker \(broker) down")
  }

  /// Takes connections again, at the old address.
  public func setUp(_ broker: Int = 1) throws {
    try check(rd_kafka_mock_broker_set_up(cluster, Int32(broker)), "set broker \(broker) up")
    disableNagle()
  }

  /// Delays every response of the broker.
  public func setRoundTripTime(_ milliseconds: Int, broker: Int = 1) throws {
    try check(rd_kafka_mock_broker_set_rtt(cluster, Int32(broker), Int32(milliseconds)), "set the round-trip time")
  }

  /// Answers the next requests of a kind (`apiKey` as in Kafka's protocol: 0 is Produce, 1 Fetch, 8 OffsetCommit) with these
  /// error codes, one each.
  public func pushErrors(_ apiKey: Int, _ codes: [Int]) {
    let codes = codes.map { rd_kafka_resp_err_t(rawValue: Int32($0)) }
    rd_kafka_mock_push_request_errors_array(cluster, Int16(apiKey), codes.count, codes)
  }

  /// Forgets what of `pushErrors` has not been answered yet.
  public func clearErrors(_ apiKey: Int) {
    rd_kafka_mock_clear_request_errors(cluster, Int16(apiKey))
  }

  /// Whether the broker says that there is no such topic, although it stays there with all it holds.
  public func deny(_ topic: String, _ isDenied: Bool) {
    rd_kafka_mock_topic_set_error(cluster, topic, isDenied ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : RD_KAFKA_RESP_ERR_NO_ERROR)
  }

  /// Moves the leader of a partition to a broker.
  public func setLeader(of topic: String, _ partition: Int, broker: Int) throws {
    try check(rd_kafka_mock_partition_set_leader(cluster, topic, Int32(partition), Int32(broker)), "set the leader of \(topic)/\(partition)")
  }

  /// Moves the coordinator of a group to a broker.
  public func setCoordinator(ofGroup group: String, broker: Int) throws {
    try check(rd_kafka_mock_coordinator_set(cluster, "group", group, Int32(broker)), "set the coordinator of \(group)")
  }

  /// Sets TCP_NODELAY on the listening sockets, whence accepted ones inherit it: with Nagle's algorithm on, every exchange with
  /// more than one response in flight stalls for the client's delayed acknowledgement (40 ms).
  private func disableNagle() {
    let ours = Set(Self.ports(String(cString: rd_kafka_mock_cluster_bootstraps(cluster))))
    for descriptor in fileNames(in: "/proc/self/fd").compactMap({ Int32($0) })
    where isListening(descriptor) && ours.contains(localPort(descriptor)) {
      setOption(descriptor, IPPROTO_TCP, TCP_NODELAY)
    }
  }

  /// The ports of "host:port,host:port".
  private static func ports(_ addresses: String) -> [UInt16] {
    addresses.split(separator: ",").compactMap { UInt16($0.split(separator: ":").last ?? "") }
  }
}
