/// Consumes request records, runs them through a model in batches, publishes every result, and commits what is acknowledged.
public final class Worker: Sendable {
  public init(model: any Model, configuration: WorkerConfiguration) throws {
  }

  /// Runs until `stop()`, a systemic fault, or (with `untilEnd`) the end of the topics.
  public func run() async throws {
  }

  /// Begins the drain: no new records are taken, what is inside is finished within the drain's bound, offsets are committed.
  /// May be called from any thread, and more than once.
  public func stop() {
  }
}

/// A setting that is refused: which one, what it was, and what to do about it.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  public var key: String
  public var value: String
  public var problem: String
  public var fix: String

  public init(key: String, value: String, problem: String, fix: String) {
    self.key = key
    self.value = value
    self.problem = problem
    self.fix = fix
  }

  public var description: String { "\(key): \(value.isEmpty ? "" : "\(value): ")\(problem); \(fix)" }
}
