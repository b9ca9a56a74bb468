/// One axis of a tensor.
public enum Dimension: Sendable, Hashable {
  case fixed(Int)
  /// Any extent; axes that share a name have the same extent in one run.
  case symbolic(String)
}

/// One input or output of a model, as the model sees it: with its batch axis.
public struct TensorSpec: Sendable, Hashable {
  /// Where an input's elements come from.
  public enum Source: Sendable, Hashable {
    /// The request has to carry it.
    case request
    /// It tells elements of the named input from padding. What requests carry is used; else it is made up: where the named input has
    /// an element of its own 1, or 0 where padding is told by 1 (`padValue`).
    case mask(of: String)
    /// What requests carry is used; else it is this value throughout (token_type_ids, for one).
    case constant(Double)
    /// Where each element of the named input stands in the text that it was made of: [batch, length, 2], begin and end in Unicode scalars.
    /// -1 where it was not made of one, and for padding.
    case places(of: String)
  }
  public var name: String
  public var type: ElementType
  /// The extents that are known. Of an output they are hints: it has the shape that the model gives it.
  public var shape: [Dimension]
  /// The axis along which rows are stacked; `nil`: shared by all rows. Requests whose shared inputs differ do not run together.
  public var batchAxis: Int?
  /// The axis that may differ from row to row and is padded to the longest of the batch, or to its extent where that is fixed; `nil`:
  /// none. Rows that differ in another axis do not run together.
  public var padAxis: Int?
  /// What padding is filled with.
  public var padValue: Double
  public var source: Source
  /// Of an output: what the elements of its last axis are called, classes for one; told with every reply. Empty: they have no names.
  public var labels: [String] = []
  /// Of an output: rows have numbers of entries of their own along the first axis, which the model says (`ModelBatch.setRagged`). Then
  /// it has no batch axis. Default false.
  public var isRagged = false
  /// Of an output: it is computed of another one, for readers; a raw reply is of those that are not. Default false.
  public var isDerived = false

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

  /// The axes of any extent in which rows of one batch have to agree: neither the batch axis nor the padded one.
  public var openAxes: [Int] {
    shape.indices.filter { axis in
      if case .symbolic = shape[axis] { axis != batchAxis && axis != padAxis } else { false }
    }
  }
}

/// The batch contract: a model's inputs and outputs, and what a batch of them may be.
public struct Signature: Sendable, Hashable {
  public var inputs: [TensorSpec]
  public var outputs: [TensorSpec]
  /// The most rows of one run where the model itself sets a limit (1: it cannot be batched); `nil`: none.
  public var maxRows: Int?
  /// Every run has exactly so many rows, as the model was exported: what is missing is filled up with rows that are there. `nil`: any
  /// number. Where it is set, `maxRows` is the same.
  public var fixedRows: Int?
  /// The longest row along the pad axis the model takes; `nil`: no limit known.
  public var maxLength: Int?
  /// The input that takes the ids of a text, where the model takes texts. Default: the first that requests carry whose rows are
  /// lists of 32 or 64 bit integers of any length.
  public var idsInput: String?
  /// Batches are filled up with padding to shapes that warm-up runs, or run in parts where none of them is large enough: for devices
  /// on which the first run of every shape is slow. Default false.
  public var roundsShapes = false
  /// What rows that are made up (for warm-up, checks, examples) have to be like.
  public var example = RowExample()

  public init(inputs: [TensorSpec], outputs: [TensorSpec], maxRows: Int? = nil, maxLength: Int? = nil) {
    self.inputs = inputs
    self.outputs = outputs
    self.maxRows = maxRows
    self.maxLength = maxLength
    idsInput = inputs.first { $0.takesIDs }?.name
  }

  /// The most rows of a run that the contract allows: 1 where no input has a batch axis.
  public var mostRows: Int { inputs.contains { $0.batchAxis != nil } ? max(1, maxRows ?? .max) : 1 }

  /// Rows of unlike length run together, with padding.
  public var isPadded: Bool { inputs.contains { $0.padAxis != nil } }

  /// Rows differ in size: they have a length, or axes of any extent.
  public var hasLength: Bool { isPadded || inputs.contains { $0.source == .request && !$0.openAxes.isEmpty } }

  /// All that batches and replies depend on, the same in every process.
  var fingerprint: String { "\(inputs) \(outputs) \(maxRows ?? 0) \(fixedRows ?? 0) \(maxLength ?? 0) \(idsInput ?? "") \(roundsShapes)" }

  /// The output of a raw reply to a request that asks for none by name; `nil`: there are several.
  var rawOutput: Int? {
    let own = outputs.indices.filter { !outputs[$0].isDerived }
    return own.count == 1 ? own[0] : nil
  }

  func input(named name: String) -> Int? { inputs.firstIndex { $0.name == name } }
}

extension TensorSpec {
  /// Whether a row is a list of integers of any length.
  fileprivate var takesIDs: Bool {
    guard source == .request, type == .int64 || type == .int32, batchAxis == 0, shape.count == 2 else { return false }
    return padAxis == 1 || openAxes == [1]
  }
}

/// What is known to work of rows that are made up.
public struct RowExample: Sendable, Hashable {
  /// Extents of axes of any extent, by the axis' name; others are `anyExtent`.
  public var extents: [String: Int] = [:]
  /// Integers of an input lie below this, by the input's name; others below `anyLimit`.
  public var limits: [String: Int] = [:]
  /// Inputs that all rows share have this whole number throughout, where they are integers or booleans; `nil`: any.
  package var sharedValue: Int?
  /// Answers are rounded as half precision's are, so that comparisons have to be as coarse. Default false.
  public var isHalf = false

  public static let anyExtent = 8
  public static let anyLimit = 1000

  public init() {}
}
