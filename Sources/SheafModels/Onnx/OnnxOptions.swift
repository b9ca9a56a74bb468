import Sheaf
import SheafONNX

/// How a model file is loaded, and what of its batch contract is not to be found out.
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
  /// What is not found out, by the name of the input or output.
  public var tensors: [String: TensorOverride]
  /// The longest row the model takes; `nil`: what its metadata says (`max_sequence`), if anything.
  public var maxLength: Int?
  /// Whether batches are filled up to shapes that warm-up runs; `nil`: on every device but the CPU.
  public var roundsShapes: Bool?
  /// The most rows of a run; `nil`: as found out.
  public var maxRows: Int?
  /// Rows run together although a row's answer changes with its company. Default false.
  public var acceptsUnsafeBatching: Bool

  public typealias Pooling = Pool.Mode

  public init(path: String, device: String = "cpu", intraOpThreads: Int = 1) {
    self.path = path
    self.device = device
    self.intraOpThreads = intraOpThreads
    allowCPUNodes = false
    providerOptions = [:]
    normalize = false
    tensors = [:]
    acceptsUnsafeBatching = false
  }
}
