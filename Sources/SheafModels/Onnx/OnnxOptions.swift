import Sheaf
import SheafONNX

/// How a model file is loaded, and what of its batch contract is not to be inferred.
public struct OnnxOptions: Sendable {
  /// The ONNX file, or a folder with a `model.onnx` in it.
  public var path: String
  /// A short name; where left out, the file's, or the folder's where the file is called model.onnx.
  public var name: String?
  /// `cpu`, `cuda:N` or `tensorrt:N`.
  public var device: String
  /// Threads one run is spread over; 1 and more. With several lanes on a CPU, 1.
  public var intraOpThreads: Int
  /// Permits single nodes on the CPU where the device is another.
  public var allowCPUNodes: Bool
  /// Further settings of the device's provider, by ONNX Runtime's names.
  public var providerOptions: [String: String]
  /// Makes one vector a row of a [batch, length, width] output; `nil`: the output as it is.
  public var pooling: Pooling?
  /// Scales every row of floating-point [batch, width] outputs (pooled ones too) to a Euclidean length of 1.
  public var normalize: Bool
  /// Outputs that are wanted, by name; `nil`: all, or the pooled one where `pooling` is set.
  public var outputs: [String]?
  /// What is not inferred, by the name of the input or output.
  public var tensors: [String: TensorOverride]
  /// The longest row the model takes; `nil`: what its metadata says (`max_sequence`), if anything.
  public var maxLength: Int?
  /// Whether batches are filled up to shapes that warm-up runs; `nil`: on every device but the CPU.
  public var roundsShapes: Bool?
  /// The most rows of a run; `nil`: as inferred.
  public var maxRows: Int?

  public enum Pooling: String, Sendable, CaseIterable {
    /// The vector of the first element.
    case cls
    /// The mean over the elements that are not padding.
    case mean
    /// The vector of the last element that is not padding.
    case last
  }

  public init(path: String, device: String = "cpu", intraOpThreads: Int = 1) {
    self.path = path
    self.device = device
    self.intraOpThreads = intraOpThreads
    allowCPUNodes = false
    providerOptions = [:]
    normalize = false
    tensors = [:]
  }
}

/// What is said about one input or output instead of being inferred; `nil` fields are inferred.
public struct TensorOverride: Sendable, Hashable {
  /// The axis along which rows are stacked.
  public var batchAxis: Int?
  /// It has no batch axis: all rows share it.
  public var shared: Bool
  /// The axis that is padded. With it, or with `padValue`, the model is trusted to tell padding apart without a mask.
  public var padAxis: Int?
  public var padValue: Double?
  /// It is 1 where the named input has an element and 0 where that is padded.
  public var mask: String?
  /// It is this value throughout.
  public var constant: Double?

  public init(
    batchAxis: Int? = nil, shared: Bool = false, padAxis: Int? = nil, padValue: Double? = nil, mask: String? = nil, constant: Double? = nil
  ) {
    self.batchAxis = batchAxis
    self.shared = shared
    self.padAxis = padAxis
    self.padValue = padValue
    self.mask = mask
    self.constant = constant
  }
}
