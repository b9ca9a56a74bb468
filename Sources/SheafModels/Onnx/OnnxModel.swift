import Glibc
import Sheaf
import SheafONNX

/// An ONNX file on one device.
public final class OnnxModel: Model {
  public let name: String
  public let signature: Signature
  public let text: (any TextEncoder)?
  public let device: String
  /// What was found out about batching, one sentence each.
  public let notes: [String]
  /// Why rows would be answered otherwise in company, as a run showed; `nil`: they are not.
  public let coupling: String?
  /// The loaded session, for reports.
  public let session: Session
  /// For every output of the signature, its index in the session.
  let kept: [Int]
  let head: (any Head)?
  /// What the head does, in words.
  let steps: [String]

  /// Loads the model (seconds for large ones) and finds out by trying how rows become a batch of it.
  /// - Parameter runtime: shared by all models of a process; where left out, ONNX Runtime is loaded from where it is found.
  /// - Throws: `ONNXError` where library, file or device cannot be had; `ConfigurationError` where the options do not fit the model.
  public init(_ options: OnnxOptions, runtime: Runtime? = nil, text: (any TextEncoder)? = nil) throws {
    let path = OnnxModel.file(options.path)
    let provider = try Provider(options.device), runtime = try runtime ?? Runtime()
    let session: Session
    do {
      session = try Session(
        runtime, path: path,
        options: Session.Options(
          provider: provider, intraOpThreads: options.intraOpThreads, allowCPUNodes: options.allowCPUNodes, providerOptions: options.providerOptions))
    } catch { throw error.explained(by: path) }
    self.session = session
    device = provider.description
    name = options.name ?? OnnxModel.name(path)
    self.text = text

    kept = try OnnxModel.choose(session.outputs, options, path)
    let maxLength = options.maxLength ?? session.metadata.entries["max_sequence"].flatMap { Int($0) }
    var hints = ContractHints()
    hints.maxLength = maxLength
    hints.vocabulary = text?.vocabularySize
    hints.padID = Double(text?.padID ?? 0)
    hints.acceptsUnsafe = options.acceptsUnsafeBatching
    if let facts = GraphFacts(path: path) {
      hints.isHalf = facts.isHalf
      hints.quantisers = facts.quantisers
    }
    // Where the first run of every shape costs seconds, a CPU finds the same out.
    let trialSession = provider == .cpu ? session : (try? Session(runtime, path: path, options: Session.Options(intraOpThreads: options.intraOpThreads))) ?? session
    var finder = try ContractFinder(
      trialSession, kept: kept,
      overrides: options.tensors.filter { [kept] entry in
        // An override of an output that is not wanted is no mistake.
        !session.outputs.contains { $0.name == entry.key } || kept.contains { session.outputs[$0].name == entry.key }
      }, hints: hints, path: path)
    let contract = try finder.find()
    notes = contract.notes
    coupling = contract.coupling?.description
    head = try OnnxModel.head(contract.outputs, options, path)
    steps = [options.pooling.map { "\($0.rawValue) pooling" }, options.normalize ? "normalised" : nil].compactMap { $0 }
    var signature = Signature(inputs: contract.inputs, outputs: head?.outputs ?? contract.outputs, maxRows: options.maxRows ?? contract.maxRows, maxLength: maxLength)
    signature.fixedRows = contract.fixedRows
    signature.example = contract.example
    // Each new shape costs seconds on these devices.
    signature.roundsShapes = options.roundsShapes ?? (provider != .cpu)
    self.signature = signature
  }

  public func makeContext() throws -> any RunContext { OnnxContext(session, kept: kept, signature, head: head) }

  // MARK: What the options mean

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

  private static func head(_ outputs: [TensorSpec], _ options: OnnxOptions, _ path: String) throws -> (any Head)? {
    if let pooling = options.pooling {
      return try VectorHead(outputs, source: 0, pool: Pool(modes: [pooling]), steps: options.normalize ? [.normalize] : [], path)
    }
    guard options.normalize else { return nil }
    guard let index = outputs.firstIndex(where: { $0.type.isFloat && $0.shape.count == 2 && $0.batchAxis == 0 && $0.padAxis == nil }) else {
      throw refused(path, "no output is a floating-point [batch, width] to normalise", "set pooling, or leave normalize out")
    }
    return try VectorHead(outputs, source: index, pool: nil, steps: [.normalize], path)
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
