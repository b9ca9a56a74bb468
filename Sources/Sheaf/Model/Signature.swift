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
