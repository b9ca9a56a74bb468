import Glibc
import Sheaf
import SheafONNX

/// An ONNX file on one device.
public final class OnnxModel: Model {
  public let name: String
  public let signature: Signature
  public let text: (any TextEncoder)?
  public let device: String
  /// What was assumed about batching, or why there is none, one sentence each.
  public let notes: [String]
  /// The loaded session, for reports.
  public let session: Session
  let pooling: OnnxOptions.Pooling?
  let normalize: Bool
  /// For every output of the signature, its index in the session.
  let kept: [Int]
  /// What the session itself answers for the outputs of the signature, before pooling.
  let rawOutputs: [TensorSpec]

  /// Loads the model (seconds for large ones).
  /// - Parameter runtime: shared by all models of a process; where left out, ONNX Runtime is loaded from where it is found.
  /// - Throws: `ONNXError` where library, file or device cannot be had; `ConfigurationError` where the options do not fit the model.
  public init(_ options: OnnxOptions, runtime: Runtime? = nil, text: (any TextEncoder)? = nil) throws {
    let path = OnnxModel.file(options.path)
    let provider = try Provider(options.device)
    let session = try Session(
      try runtime ?? Runtime(), path: path,
      options: Session.Options(
        provider: provider, intraOpThreads: options.intraOpThreads, allowCPUNodes: options.allowCPUNodes, providerOptions: options.providerOptions))
    self.session = session
    device = provider.description
    name = options.name ?? OnnxModel.name(path)
    self.text = text
    pooling = options.pooling
    normalize = options.normalize

    let kept = try OnnxModel.choose(session.outputs, options, path)
    self.kept = kept
    let contract = try BatchContract(
      inputs: session.inputs, outputs: kept.map { session.outputs[$0] },
      overrides: options.tensors.filter { entry in
        // An override of an output that is not wanted is no mistake.
        !session.outputs.contains { $0.name == entry.key } || kept.contains { session.outputs[$0].name == entry.key }
      }, path: path)
    rawOutputs = contract.outputs
    var outputs = contract.outputs
    if options.pooling != nil { outputs[0] = try OnnxModel.pooled(outputs[0], path) }
    if options.normalize, !outputs.contains(where: OnnxModel.isVector) {
      throw refused(path, "no output is a FP32 [batch, width] to normalise", "set pooling, or leave normalize out")
    }
    var signature = Signature(
      inputs: contract.inputs, outputs: outputs, maxRows: options.maxRows ?? contract.maxRows,
      maxLength: options.maxLength ?? session.metadata.entries["max_sequence"].flatMap { Int($0) })
    // Each new shape costs seconds on these devices.
    signature.roundsShapes = options.roundsShapes ?? (provider != .cpu)
    self.signature = signature
    notes = contract.notes
  }

  public func makeContext() throws -> any RunContext { OnnxContext(self) }

  // MARK: What the options mean

  static func isVector(_ spec: TensorSpec) -> Bool { spec.type == .float32 && spec.shape.count == 2 && spec.batchAxis == 0 && spec.padAxis == nil }

  private static func choose(_ outputs: [TensorInfo], _ options: OnnxOptions, _ path: String) throws -> [Int] {
    let names = outputs.map(\.name).joined(separator: ", ")
    if let wanted = options.outputs {
      return try wanted.map { name in
        guard let index = outputs.firstIndex(where: { $0.name == name }) else { throw refused(path, "there is no output \(name)", "it has \(names)") }
        return index
      }
    }
    guard options.pooling != nil else { return Array(outputs.indices) }
    guard let index = outputs.firstIndex(where: { $0.shape.count == 3 }) else {
      throw refused(path, "no output is [batch, length, width], which pooling needs", "it has \(names); leave pooling out")
    }
    return [index]
  }

  private static func pooled(_ spec: TensorSpec, _ path: String) throws -> TensorSpec {
    guard spec.shape.count == 3, spec.batchAxis == 0, spec.type == .float32 || spec.type == .float16 else {
      throw refused(path, "output \(spec.name) is not a floating-point [batch, length, width], which pooling needs", "name another in outputs first")
    }
    return TensorSpec(spec.name, .float32, [spec.shape[0], spec.shape[2]])
  }

  private static func file(_ path: String) -> String {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return path }
    return path + "/model.onnx"
  }

  private static func name(_ path: String) -> String {
    let parts = path.split(separator: "/")
    var name = String(parts.last ?? "model")
    if name.hasSuffix(".onnx") { name.removeLast(5) }
    return name == "model" && parts.count > 1 ? String(parts[parts.count - 2]) : name
  }
}
