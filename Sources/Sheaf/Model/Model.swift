/// What Sheaf runs batches on.
///
/// A model is loaded once a device; every lane gets a context of its own from `makeContext()`, so `run` is never called by two
/// threads at once on one context. See `Examples` in the README for one in 20 lines.
public protocol Model: Sendable {
  /// A short name for replies, logs and metrics.
  var name: String { get }
  /// Which version of the model it is, for replies; `nil`, the default: not said.
  var version: String? { get }
  /// What goes in and out, and how rows become a batch.
  var signature: Signature { get }
  /// Turns text into the ids of the first request input; `nil` where the model takes no text.
  var text: (any TextEncoder)? { get }
  /// What it computes on: `cpu`, `cuda:N`, `tensorrt:N` (CUDA's numbers). For `WorkerStatus.signals`.
  var device: String { get }
  /// A run context for one lane. Called once a lane, before the worker joins its group.
  func makeContext() throws -> any RunContext
}

extension Model {
  public var version: String? { nil }
  public var text: (any TextEncoder)? { nil }
  public var device: String { "cpu" }
}

/// One lane's way to run a model; used by one thread at a time.
public protocol RunContext: AnyObject {
  /// Reads `batch.input(…)`, fills `batch.output(…)`. To fail single rows call `batch.fail(row:_:)`; to fail the batch, throw:
  /// the worker then runs it once more and halves it, so that only the culprits fail. `ModelUnavailable`, `ModelOutOfMemory` and
  /// `ModelLost` say that it is not the records' fault.
  func run(_ batch: ModelBatch) throws
}
