import Sheaf
import SheafONNX

/// Which of a session's outputs are wanted, and what is computed of them: by the options, else as the model's folder says.
struct HeadPlan {
  /// Indices into the session's outputs.
  private(set) var kept: [Int]
  private(set) var notes: [String] = []
  /// What is done, in words.
  private(set) var words: [String] = []
  /// Vectors: which of the kept outputs they are made of; `nil`: none.
  private var source: Int?
  private var pool: Pool?
  private var steps: [VectorStep] = []
  /// Tokens of a prompt do not count when vectors are pooled.
  private(set) var excludesPrompt = false

  private let options: OnnxOptions
  private let folder: ModelFolder
  private let config: ModelConfig

  /// - Throws: `ConfigurationError` where an output is wanted that is not there, or a module of the folder is not supported.
  init(_ outputs: [TensorInfo], _ options: OnnxOptions, _ folder: ModelFolder, _ config: ModelConfig) throws(ConfigurationError) {
    self.options = options
    self.folder = folder
    self.config = config
    kept = try HeadPlan.wanted(outputs, options)
    try planVectors(outputs)
    words = (pool?.modes.map { "\($0.rawValue) pooling" } ?? []) + steps.map(\.words)
  }

  private static func wanted(_ outputs: [TensorInfo], _ options: OnnxOptions) throws(ConfigurationError) -> [Int] {
    guard let wanted = options.outputs else { return Array(outputs.indices) }
    var kept: [Int] = []
    for name in wanted {
      if let index = outputs.firstIndex(where: { $0.name == name }) {
        if !kept.contains(index) { kept.append(index) }
      } else if options.answers == .tensors || !(ClassHead.names + SpanHead.names).contains(name) {
        throw ConfigurationError(key: "models.outputs", value: name, problem: "the model has no such output", fix: "it has \(outputs.map(\.name).joined(separator: ", "))")
      }
    }
    // What is computed is computed of any.
    return wanted.allSatisfy { name in outputs.contains { $0.name == name } } ? kept : Array(outputs.indices)
  }

  // MARK: Vectors

  private mutating func planVectors(_ outputs: [TensorInfo]) throws(ConfigurationError) {
    let isAsked = options.outputs != nil
    let modules = options.pooling == .none ? nil : try SentenceModules(folder)
    var pool = modules?.pool
    if case .by(let modes) = options.pooling { pool = Pool(modes: modes) }
    if pool != nil { steps = modules?.steps ?? [] }
    if let normalize = options.normalize {
      steps.removeAll { $0 == .normalize }
      if normalize { steps.append(.normalize) }
    }
    if let pool {
      if options.pooling == .asFolder, !isAsked, let whole = outputs.firstIndex(where: { $0.name == "sentence_embedding" && $0.shape.count == 2 }) {
        // The graph has what the folder describes in it, and the tokens' vectors beside it.
        kept = [whole]
        keepPooled(outputs)
      } else if let tokens = HeadPlan.tokens(kept, outputs) {
        if !isAsked { kept = [kept[tokens]] }
        source = isAsked ? tokens : 0
        self.pool = pool
        excludesPrompt = modules?.excludesPrompt ?? false
      } else if options.pooling == .asFolder {
        keepPooled(outputs)
      } else {
        throw refused(folder.file, "no output is a floating-point [batch, length, width], which pooling needs", "it has \(outputs.map(\.name).joined(separator: ", ")); set models.pooling: none")
      }
    } else if !steps.isEmpty {
      source = HeadPlan.vectors(kept, outputs)
      if source == nil { throw refused(folder.file, "no output is a floating-point [batch, width] to normalise", "set pooling, or leave normalize out") }
    }
    if source == nil { steps = [] }
  }

  /// The graph pools by itself: of what comes after it only what can be done twice is done.
  private mutating func keepPooled(_ outputs: [TensorInfo]) {
    notes.append("the folder's pooling is in the graph: \(outputs[kept[0]].name) is one vector a row as it comes")
    steps = steps.last == .normalize ? [.normalize] : []
    source = steps.isEmpty ? nil : HeadPlan.vectors(kept, outputs)
  }

  /// The output with a vector for every token.
  private static func tokens(_ kept: [Int], _ outputs: [TensorInfo]) -> Int? {
    let fitting = kept.indices.filter { isFloat(outputs[kept[$0]]) && outputs[kept[$0]].shape.count == 3 }
    return fitting.first { ["token_embeddings", "last_hidden_state"].contains(outputs[kept[$0]].name) } ?? fitting.first
  }

  private static func vectors(_ kept: [Int], _ outputs: [TensorInfo]) -> Int? {
    kept.indices.first { isFloat(outputs[kept[$0]]) && outputs[kept[$0]].shape.count == 2 && outputs[kept[$0]].mapKey == nil }
  }

  private static func isFloat(_ output: TensorInfo) -> Bool { output.type == .float32 || output.type == .float16 || output.type == .float64 }

  /// The prompt takes so many tokens at the begin of every text.
  mutating func skip(tokens: Int) { pool?.skipped = tokens }

  // MARK: The head

  /// - Parameters:
  ///   - inputs: of the signature; one that says where tokens stand is added where it is needed.
  ///   - contract: how rows lie in the wanted outputs.
  /// - Throws: `ConfigurationError` where the outputs are not what the options want.
  mutating func head(_ inputs: inout [TensorSpec], _ contract: ModelContract, idsName: String?, takesText: Bool) throws(ConfigurationError) -> (any Head)? {
    if let source { return try VectorHead(contract.outputs, source: source, pool: pool, steps: steps, folder.file) }
    switch options.answers {
    case .tensors: return nil
    case .classes:
      guard let source = scores(contract.outputs, rank: 2) else { throw noScores("classes", "[batch, classes]", contract.outputs) }
      return classHead(contract, source)
    case .spans:
      guard let source = scores(contract.outputs, rank: 3), let ids = idsName, takesText else { throw noScores("spans", "[batch, length, classes], of a model of texts with a tokenizer", contract.outputs) }
      return spanHead(&inputs, contract, source, ids)
    case .asFolder:
      let own = Set(contract.outputs.map(\.name))
      if config.labels.isEmpty && options.labels == nil { return nil }
      if own.isDisjoint(with: ClassHead.names), let source = scores(contract.outputs, rank: 2) { return classHead(contract, source) }
      if own.isDisjoint(with: SpanHead.names), takesText, let ids = idsName, let source = scores(contract.outputs, rank: 3), config.architecture.contains("TokenClassification") || options.labels != nil {
        return spanHead(&inputs, contract, source, ids)
      }
      return nil
    }
  }

  private var labels: [String]? { options.labels ?? (config.labels.isEmpty ? nil : config.labels) }

  /// The output with a score for every class.
  private func scores(_ outputs: [TensorSpec], rank: Int) -> Int? {
    outputs.indices.first { index in
      let spec = outputs[index]
      guard spec.type.isFloat, spec.batchAxis == 0, spec.shape.count == rank, spec.labels.isEmpty, case .fixed(let count) = spec.shape[rank - 1], count > 0 else { return false }
      return labels.map { $0.count == count } ?? true
    }
  }

  private func noScores(_ answers: String, _ shape: String, _ outputs: [TensorSpec]) -> ConfigurationError {
    let classes = labels.map { " with \($0.count) classes, as there are labels" } ?? ""
    return ConfigurationError(key: "models.answers", value: answers, problem: "no output is a floating-point \(shape)\(classes)", fix: "set tensors, or models.labels as many as the model has classes")
  }

  private func classes(_ contract: ModelContract, _ source: Int) -> Classes {
    let spec = contract.outputs[source]
    guard case .fixed(let count) = spec.shape[spec.shape.count - 1] else { preconditionFailure("scores have a fixed number of classes") }
    let isShares = HeadPlan.isShares(contract.samples.map { $0[source].values }, count)
    let activation = options.activation ?? (isShares ? .none : config.isMultiLabel || count == 1 ? .sigmoid : .softmax)
    return Classes(labels: labels ?? (0..<count).map { "\($0)" }, activation: activation)
  }

  /// Scores of classes that are shares of 1 already.
  private static func isShares(_ samples: [[Double]], _ count: Int) -> Bool {
    count > 1 && !samples.isEmpty && samples.allSatisfy { values in
      stride(from: 0, to: values.count, by: count).allSatisfy { start in
        let row = values[start..<min(start + count, values.count)]
        return row.allSatisfy { $0 >= 0 } && abs(row.reduce(0, +) - 1) < 1e-2
      }
    }
  }

  /// Which of the outputs are answered as they come.
  private func own(_ outputs: [TensorSpec]) -> [Int] {
    guard let wanted = options.outputs else { return Array(outputs.indices) }
    return outputs.indices.filter { wanted.contains(outputs[$0].name) }
  }

  private mutating func classHead(_ contract: ModelContract, _ source: Int) -> ClassHead {
    let classes = classes(contract, source), top = max(1, options.top)
    words.append("\(top == 1 ? "the best" : "the best \(min(top, classes.labels.count))") of \(classes.labels.count) classes of \(contract.outputs[source].name)\(classes.activation == .none ? "" : ", by \(classes.activation.rawValue)")")
    return ClassHead(contract.outputs, source: source, classes, top: top, own: own(contract.outputs))
  }

  private mutating func spanHead(_ inputs: inout [TensorSpec], _ contract: ModelContract, _ source: Int, _ idsName: String) -> SpanHead {
    let classes = classes(contract, source)
    words.append("spans of \(classes.labels.count) classes of \(contract.outputs[source].name)\(classes.activation == .none ? "" : ", by \(classes.activation.rawValue)")")
    let ids = inputs.first { $0.name == idsName }!
    inputs.append(TensorSpec("places of \(idsName)", .int32, ids.shape + [.fixed(2)], batchAxis: ids.batchAxis, padAxis: ids.padAxis, padValue: -1, source: .places(of: idsName)))
    return SpanHead(contract.outputs, source: source, classes, places: inputs.count - 1, own: own(contract.outputs))
  }
}

extension VectorStep {
  fileprivate var words: String {
    switch self {
    case .normalize: "normalised"
    case .dense(let dense): "dense \(dense.inputs) to \(dense.outputs), \(dense.activation.rawValue)"
    case .layerNorm: "layer norm"
    }
  }
}
