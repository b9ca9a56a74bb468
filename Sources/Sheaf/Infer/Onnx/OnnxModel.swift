import SheafONNX

/// An ONNX model, loaded once; its lanes run on one session, so they share its weights.
public final class OnnxModel: Model {
  public struct Options: Sendable {
    /// The model file.
    public var path: String
    /// For replies and logs; default: the file's name.
    public var name: String?
    public var session: SessionOptions
    /// By tensor name.
    public var overrides: [String: TensorOverride]
    /// Names of the outputs to answer with; empty: all.
    public var outputs: [String]
    /// What makes one vector of a row's per-token vectors; only for models that leave it out.
    public var pooling: Pooling?
    /// Scales float vectors to length 1; only for models that leave it out.
    public var normalize: Bool
    /// The longest row; nil: no limit but the tokenizer's.
    public var maxLength: Int?

    public init(path: String, session: SessionOptions = .init()) {
      self.path = path
      self.session = session
      overrides = [:]
      outputs = []
      normalize = false
    }
  }

  public let name: String
  public let signature: Signature
  public let text: (any TextEncoder)?
  public let session: Session
  private let kept: [Int]
  private let pooling: Pooling.Step?
  private let normalize: Bool

  /// - Throws: `OnnxError` where the file or device cannot be had, `ConfigurationError` where its tensors cannot be served.
  public init(_ runtime: Runtime, _ options: Options, text: (any TextEncoder)? = nil) throws {
    session = try Session(runtime, path: options.path, options: options.session)
    name = options.name ?? String(options.path.split(separator: "/").last ?? "model")
    self.text = text
    normalize = options.normalize
    var (signature, kept) = try ContractInference(overrides: options.overrides).infer(inputs: session.inputs, outputs: session.outputs, wanted: options.outputs)
    signature.maxLength = options.maxLength ?? text?.maxLength
    pooling = try options.pooling.map { try $0.step(in: &signature, &kept) }
    if normalize, let output = signature.outputs.first(where: { $0.type != .float32 || $0.shape.count != 2 }) {
      throw ConfigurationError(key: "models.normalize", value: "true", problem: "output \"\(output.name)\" is not float32 [batch, width]", fix: "set normalize: false, or name other outputs")
    }
    self.signature = signature
    self.kept = kept
  }

  public func makeContext() -> any RunContext { Context(self) }

  private final class Context: RunContext {
    private let model: OnnxModel
    /// The last run's outputs: the batch reads them until the next.
    private var results: [Output] = []

    init(_ model: OnnxModel) { self.model = model }

    func run(_ batch: ModelBatch) throws {
      results = []
      let inputs = model.signature.inputs.indices.map { Session.Input(data: batch.input($0), shape: batch.inputShape($0)) }
      results = try model.session.run(inputs, outputs: model.kept)
      if let pooling = model.pooling {
        try pooling.run(batch, UnsafeRawPointer(results[0].data), results[0].shape)
      } else {
        for (index, result) in results.enumerated() { batch.setOutput(index, result.data, shape: result.shape) }
      }
      if model.normalize {
        for index in results.indices { normalizeRows(batch, index) }
      }
    }
  }
}
