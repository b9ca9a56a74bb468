/// What Sheaf runs batches on.
///
/// A model is loaded once a device; every lane gets a context of its own from `makeContext()`, so `run` is never called by two
/// threads at once on one context. See `Examples` in the README for one in 20 lines.
public protocol Model: Sendable {
  /// A short name for replies, logs and metrics.
  var name: String { get }
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

/// Turns a text into token ids, special tokens and truncation included.
public protocol TextEncoder: Sendable {
  /// The most ids one text may become.
  var maxLength: Int { get }
  /// Writes the ids of a UTF-8 `text` to `ids`, which has room for `maxLength`, and returns how many there are.
  /// - Throws: a fault where the text is not valid UTF-8, or is too long and truncation is set to `error`.
  func encode(_ text: UnsafeRawBufferPointer, into ids: UnsafeMutablePointer<Int64>) throws(RecordFault) -> Int
}

/// Element types of tensors, by their Open Inference Protocol names.
public enum ElementType: String, Sendable, CaseIterable {
  case bool = "BOOL", uint8 = "UINT8", uint16 = "UINT16", uint32 = "UINT32", uint64 = "UINT64"
  case int8 = "INT8", int16 = "INT16", int32 = "INT32", int64 = "INT64"
  case float16 = "FP16", float32 = "FP32", float64 = "FP64"

  /// Bytes an element takes.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    }
  }
}

/// One axis of a tensor.
public enum Dimension: Sendable, Hashable {
  case fixed(Int)
  /// Any extent; tensors that share a name share the extent.
  case symbolic(String)
}

/// One input or output of a model, as the model sees it: with its batch axis.
public struct TensorSpec: Sendable, Hashable {
  /// Where an input's elements come from.
  public enum Source: Sendable, Hashable {
    /// The request has to carry it.
    case request
    /// 1 where the named input has an element of its own, 0 where it is padded. A request need not carry it.
    case mask(of: String)
    /// One value throughout (token_type_ids, for one). A request need not carry it.
    case constant(Double)
  }
  public var name: String
  public var type: ElementType
  public var shape: [Dimension]
  /// The axis along which rows are stacked; `nil`: shared by all rows.
  public var batchAxis: Int?
  /// The axis that may differ from row to row and is padded to the longest of the batch; `nil`: none.
  public var padAxis: Int?
  /// What padding is filled with.
  public var padValue: Double
  public var source: Source

  public init(
    _ name: String, _ type: ElementType, _ shape: [Dimension], batchAxis: Int? = 0, padAxis: Int? = nil, padValue: Double = 0,
    source: Source = .request
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    self.batchAxis = batchAxis
    self.padAxis = padAxis
    self.padValue = padValue
    self.source = source
  }

  /// A tensor of rows with fixed extents: `[batch, extents…]`.
  public static func rows(_ name: String, _ type: ElementType, _ extents: [Int]) -> TensorSpec {
    TensorSpec(name, type, [.symbolic("batch")] + extents.map { .fixed($0) })
  }
}

/// The batch contract: a model's inputs and outputs, and what a batch of them may be.
public struct Signature: Sendable, Hashable {
  public var inputs: [TensorSpec]
  public var outputs: [TensorSpec]
  /// The most rows of one run where the model itself sets a limit (1: it cannot be batched); `nil`: none.
  public var maxRows: Int?
  /// The longest row along the pad axis the model takes; `nil`: no limit known.
  public var maxLength: Int?
  /// Batches are filled up with padding to shapes that warm-up runs, or run in parts where none of them is large enough: for devices
  /// on which the first run of every shape is slow. Default false.
  public var roundsShapes = false

  public init(inputs: [TensorSpec], outputs: [TensorSpec], maxRows: Int? = nil, maxLength: Int? = nil) {
    self.inputs = inputs
    self.outputs = outputs
    self.maxRows = maxRows
    self.maxLength = maxLength
  }

  /// The most rows of a run that the contract allows: 1 where an input that requests carry has no batch axis (two requests may
  /// disagree about it), or is padded although its rows do not lie along the first axis.
  public var mostRows: Int {
    let isAlone = inputs.contains { $0.source == .request && ($0.batchAxis == nil || $0.padAxis != nil && $0.batchAxis != 0) }
    return isAlone ? 1 : max(1, maxRows ?? .max)
  }
}
