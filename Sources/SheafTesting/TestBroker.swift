import Glibc
import Synchronization

/// A Kafka that tests run against: the embedded one or a real one.
public protocol TestBroker: Sendable {
  /// What `bootstrap.servers` is to be.
  var bootstrap: String { get }
  func createTopic(_ name: String, partitions: Int) throws
}

extension TestBroker {
  public var client: TestClient { TestClient(bootstrap: bootstrap) }
}

/// The brokers at hand, as the argument of a parameterised test:
///
///     @Test(arguments: Brokers.available) func commits(_ kind: Brokers) throws {
///       let broker = try kind.start()
///       let requests = uniqueName("requests")
public enum Brokers: String, Sendable, CaseIterable {
  case embedded, real

  /// The embedded broker always; a real one where KAFKA_HOME is set.
  public static var available: [Brokers] { getenv("KAFKA_HOME") == nil ? [.embedded] : [.embedded, .real] }

  /// A new embedded broker, or this process's one real Kafka, started when it is first asked for.
  public func start() throws -> any TestBroker {
    switch self {
    case .embedded: try EmbeddedBroker()
    case .real: try Self.shared.get()
    }
  }

  private static let shared = Result { try RealKafka() }
}

/// A name that no other test of this run uses, for topics and groups on a shared broker.
public func uniqueName(_ stem: String) -> String { "\(stem)-\(getpid())-\(nameCounter.add(1, ordering: .relaxed).newValue)" }

private let nameCounter = Atomic(0)
