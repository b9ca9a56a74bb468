import Sheaf
import SheafONNX

/// How a model file is loaded, and what of its batch contract is not to be found out.
public struct OnnxOptions: Sendable {
  /// The ONNX file, or a folder with one, in it or in a folder `onnx` there.
  public var path: String
  /// A short name; where left out, the file's, or the folder's where the file is called model.
  public var name: String?
  /// What replies say of the model's version; `nil`: what the file says, unless that is 0.
  public var version: String?
  /// `cpu`, `cuda:N` or `tensorrt:N`.
  public var device: String
  /// Threads one run is spread over; 1 and more. With several lanes on a CPU, 1.
  public var intraOpThreads: Int
  /// Permits single nodes on the CPU where the device is another.
  public var allowCPUNodes: Bool
  /// Further settings of the device's provider, by ONNX Runtime's names.
  public var providerOptions: [String: String]
  /// Whether one vector a row is made of a [batch, length, width] output. Default: as the model's folder says, else not.
  public var pooling: Pooling
  /// Whether rows of a floating-point [batch, width] output (pooled ones too) are scaled to a Euclidean length of 1; `nil`: where the
  /// model's folder says so.
  public var normalize: Bool?
  /// What is put before every text. Default: as the model's folder says, else nothing.
  public var prompt: Prompt
  /// Outputs that are wanted, by name, computed ones too; `nil`: all, or the pooled one where rows are pooled.
  public var outputs: [String]?
  /// What is made of scores of classes. Default: as the model's folder says, else nothing.
  public var answers: Answers
  /// Names of classes, by number; `nil`: as the model's folder says.
  public var labels: [String]?
  /// How scores become what is told of them; `nil`: as the folder says, softmax but for classes that do not exclude each other; none
  /// where the model answers shares of 1 already.
  public var activation: Activation?
  /// How many classes are told, the best ones; 1 and more. Default 1.
  public var top: Int
  /// What is not found out, by the name of the input or output.
  public var tensors: [String: TensorOverride]
  /// The longest row the model takes; `nil`: what its metadata (`max_sequence`) or config.json says, if anything.
  public var maxLength: Int?
  /// Whether batches are filled up to shapes that warm-up runs; `nil`: on every device but the CPU.
  public var roundsShapes: Bool?
  /// The most rows of a run; `nil`: as found out.
  public var maxRows: Int?
  /// Rows run together although a row's answer changes with its company. Default false.
  public var acceptsUnsafeBatching: Bool

  /// What is made of scores of classes, beside the scores.
  public enum Answers: String, Sendable, CaseIterable {
    case asFolder = "auto"
    case tensors
    /// The name and score of the best classes of a row, as outputs label and score.
    case classes
    /// What stands where in a text, as outputs spans (their number), label, score, start and end.
    case spans
  }

  public enum Activation: String, Sendable, CaseIterable { case softmax, sigmoid, none }

  /// What is put before every text.
  public enum Prompt: Sendable, Hashable {
    /// The folder's default_prompt_name, if it has one.
    case asFolder
    case none
    /// One of the folder's.
    case named(String)
    case text(String)
  }

  public enum Pooling: Sendable, Hashable {
    case asFolder
    case none
    /// Several are put side by side.
    case by([Pool.Mode])
  }

  public init(path: String, device: String = "cpu", intraOpThreads: Int = 1) {
    self.path = path
    self.device = device
    self.intraOpThreads = intraOpThreads
    allowCPUNodes = false
    providerOptions = [:]
    pooling = .asFolder
    prompt = .asFolder
    answers = .asFolder
    top = 1
    tensors = [:]
    acceptsUnsafeBatching = false
  }
}
