import Sheaf
import SheafONNX

/// An ONNX file on one device.
public final class OnnxModel: Model {
  public let name: String
  public let signature: Signature
  public let text: (any TextEncoder)?
  public let device: String
  public let version: String?
  /// What was found out about batching, one sentence each.
  public let notes: [String]
  /// Why rows would be answered otherwise in company, as a run showed; `nil`: they are not.
  public let coupling: String?
  /// No row that was made up could be run, so that nothing is known of rows that can.
  public let isUntried: Bool
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
    let folder = try ModelFolder(options.path), path = folder.file
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
    name = options.name ?? folder.name
    let config = try ModelConfig(folder)
    var plan = try HeadPlan(session.outputs, options, folder, config)
    let prompt = try Prompts(folder).text(options.prompt)
    if let text, !prompt.isEmpty {
      let prompted = PromptedEncoder(text, prompt: prompt)
      if plan.excludesPrompt { plan.skip(tokens: try prompted.promptTokens()) }
      self.text = prompted
    } else {
      self.text = text
    }
    kept = plan.kept
    var maxLength = options.maxLength ?? session.metadata.entries["max_sequence"].flatMap { Int($0) }
    var hints = ContractHints()
    hints.vocabulary = text?.vocabularySize ?? config.vocabulary
    hints.padID = Double(text?.padID ?? 0)
    hints.acceptsUnsafe = options.acceptsUnsafeBatching
    if let facts = GraphFacts(path: path) {
      hints.isHalf = facts.isHalf
      hints.quantisers = facts.quantisers
      hints.constantOutputs = facts.constantOutputs
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
    notes = plan.notes + contract.notes + (text == nil || prompt.isEmpty ? [] : ["every text gets the prompt \"\(prompt)\""])
    coupling = contract.coupling?.description
    isUntried = contract.isUntried
    var inputs = contract.inputs
    head = try plan.head(&inputs, contract, idsName: finder.idsName, takesText: text != nil)
    steps = plan.words
    // Exporters leave 0, or the largest number there is.
    let version = session.metadata.version
    self.version = options.version ?? (version > 0 && version < .max ? "\(version)" : nil)
    if maxLength == nil, finder.idsName != nil { maxLength = config.positions }
    var signature = Signature(inputs: inputs, outputs: head?.outputs ?? contract.outputs, maxRows: options.maxRows ?? contract.maxRows, maxLength: maxLength)
    signature.fixedRows = contract.fixedRows
    signature.example = contract.example
    // Each new shape costs seconds on these devices.
    signature.roundsShapes = options.roundsShapes ?? (provider != .cpu)
    self.signature = signature
  }

  public func makeContext() throws -> any RunContext { OnnxContext(session, kept: kept, signature, head: head) }
}
