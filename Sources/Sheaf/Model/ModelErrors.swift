/// Thrown by a run that no later run can succeed after (the device is lost): ends the worker, and no record is failed for it.
public struct ModelLost: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// Thrown by a run that may pass a little later, with the same rows (a remote engine that restarts, a device that is busy): only
/// what a model declares so is waited for. The run is tried again with growing pauses, for about 15 s; then the worker is held until
/// the model is back. No record is failed for it.
public struct ModelUnavailable: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// Thrown by a run that ran out of memory: its halves are run, and batches have fewer rows for a while. A record that exhausts the
/// memory alone is failed; where not even a row of zeros can run that is no longer than rows that did, the worker ends.
public struct ModelOutOfMemory: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// Thrown by a run that killed the child process it ran in. Its halves are run; a record that does it alone is failed as crashed.
struct ChildCrashed: Error, CustomStringConvertible {
  /// "signal 11 (SIGSEGV)".
  var description: String
  init(_ description: String) { self.description = description }
}
