import Sheaf
import SheafTesting

/// A model with a note of when each of its runs began and ended.
public final class TimedModel: Model {
  public struct Run: Sendable {
    public var rows, length: Int
    /// Seconds of CLOCK_MONOTONIC.
    public var begin, end: Double
  }

  public let model: any Model
  public let runs = Locked<[Run]>([])
  public init(_ model: any Model) { self.model = model }
  public var name: String { model.name }
  public var signature: Signature { model.signature }
  public var text: (any TextEncoder)? { model.text }
  public func makeContext() throws -> any RunContext { Context(try model.makeContext(), runs) }

  private final class Context: RunContext {
    let context: any RunContext
    let runs: Locked<[Run]>
    init(_ context: any RunContext, _ runs: Locked<[Run]>) {
      self.context = context
      self.runs = runs
    }
    func run(_ batch: ModelBatch) throws {
      let begin = monotonicSeconds()
      try context.run(batch)
      runs.withLock { $0.append(Run(rows: batch.rows, length: batch.length, begin: begin, end: monotonicSeconds())) }
    }
  }
}

/// Two places.
public func text(_ value: Double) -> String { String((value * 100).rounded() / 100) }

/// `name=number` of the command line, by name.
public func numbers(_ arguments: [String] = CommandLine.arguments) -> [String: Int] {
  Dictionary(uniqueKeysWithValues: arguments.dropFirst().compactMap { argument in
    let parts = argument.split(separator: "=")
    return parts.count == 2 ? Int(parts[1]).map { (String(parts[0]), $0) } : nil
  })
}
