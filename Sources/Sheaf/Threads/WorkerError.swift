/// Why a worker cannot go on: its last words.
public struct WorkerError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
