import Sheaf

/// What sentence-transformers does with a model's answers, as its folder says: modules.json lists the modules, each with a folder of
/// its own. What is not done here is refused by its name, since leaving it out would give other vectors.
struct SentenceModules {
  /// `nil`: the folder says nothing of it.
  var pool: Pool?
  var steps: [VectorStep] = []
  /// Tokens of the prompt do not count when vectors are pooled.
  var excludesPrompt = false

  /// - Throws: `ConfigurationError` where a module is not supported, or a file is damaged.
  init(_ folder: ModelFolder) throws(ConfigurationError) {
    guard let place = folder.place(of: "modules.json"), let list = try FilePart(file: place + "/modules.json") else {
      // Models of before modules.json.
      if let place = folder.place(of: "1_Pooling/config.json"), let config = try FilePart(file: place + "/1_Pooling/config.json") { try setPool(config) }
      return
    }
    var isTransformer = false
    for module in try list.elements() {
      let type = try module.requiredString("type"), name = String(type.split(separator: ".").last ?? "")
      let path = try module.string("path") ?? "", own = path.isEmpty ? place : "\(place)/\(path)"
      switch name {
      case "Transformer":
        guard !isTransformer else { throw module.refused(type, "is the second one", fix: SentenceModules.fix) }
        isTransformer = true
      case "Pooling": try setPool(try SentenceModules.config(own))
      case "Normalize":
        if let config = try FilePart(file: own + "/config.json") { try SentenceModules.refuseTokens(config, name) }
        steps.append(.normalize)
      case "Dense": steps.append(.dense(try SentenceModules.dense(own)))
      case "LayerNorm": steps.append(try SentenceModules.layerNorm(own))
      case "Dropout": break
      default: throw module.refused(type, "is a module that Sheaf does not have", fix: SentenceModules.fix)
      }
    }
  }

  private static let fix = "export the model to ONNX as a whole, or set models.pooling and models.normalize instead of auto"

  private static func config(_ folder: String) throws(ConfigurationError) -> FilePart {
    guard let file = try FilePart(file: folder + "/config.json") else {
      throw ConfigurationError(key: "model", value: folder + "/config.json", problem: "is missing, though modules.json names it", fix: "fetch the model's folder as a whole")
    }
    return file
  }

  // MARK: Modules

  /// The modes by their old names, in the order in which their vectors are put side by side.
  private static let oldModes: [(name: StaticString, mode: Pool.Mode)] = [
    ("pooling_mode_cls_token", .cls), ("pooling_mode_max_tokens", .max), ("pooling_mode_mean_tokens", .mean), ("pooling_mode_mean_sqrt_len_tokens", .meanSqrtLength),
    ("pooling_mode_weightedmean_tokens", .weightedMean), ("pooling_mode_lasttoken", .last),
  ]

  private mutating func setPool(_ config: FilePart) throws(ConfigurationError) {
    guard pool == nil, steps.isEmpty else { throw config.refused("", "is a second pooling, or one behind other modules", fix: SentenceModules.fix) }
    var modes: [Pool.Mode] = []
    if let part = config["pooling_mode"] {
      for name in part.node.array ?? [part.node] {
        guard let mode = name.string.flatMap({ Pool.Mode(rawValue: $0) }) else { throw part.refused(name.string ?? "", "is a pooling_mode that Sheaf does not have", fix: SentenceModules.fix) }
        modes.append(mode)
      }
    } else {
      for (name, mode) in SentenceModules.oldModes where try config.bool(name, default: false) { modes.append(mode) }
    }
    excludesPrompt = try !config.bool("include_prompt", default: true)
    pool = Pool(modes: modes.isEmpty ? [.mean] : modes)
  }

  /// Modules may work on every token's vector instead of the row's.
  private static func refuseTokens(_ config: FilePart, _ module: String) throws(ConfigurationError) {
    for name: StaticString in ["module_input_name", "module_output_name"] {
      if let key = try config.string(name), key != "sentence_embedding" { throw config.refused(key, "is a \(module) module of something else than the row's vector (sentence_embedding)", fix: fix) }
    }
  }

  private static func integer(_ name: StaticString, _ config: FilePart) throws(ConfigurationError) -> Int {
    guard let part = config[name], let value = part.node.int, (1...1_000_000).contains(value) else { throw config.refused("", "has no \(name) from 1 to 1000000", fix: "save the model again") }
    return value
  }

  private static func weights(_ folder: String) throws(ConfigurationError) -> Safetensors {
    if !isReadable(folder + "/model.safetensors"), isReadable(folder + "/pytorch_model.bin") {
      throw ConfigurationError(
        key: "model", value: folder + "/pytorch_model.bin", problem: "is a pickle, which is not read",
        fix: "save the model again with a sentence-transformers of 2.3 or newer, which writes model.safetensors")
    }
    return try Safetensors(folder + "/model.safetensors")
  }

  private static func dense(_ folder: String) throws(ConfigurationError) -> VectorStep.Dense {
    let config = try config(folder), weights = try weights(folder)
    let inputs = try integer("in_features", config), outputs = try integer("out_features", config)
    try refuseTokens(config, "Dense")
    let function = try config.string("activation_function") ?? "torch.nn.modules.activation.Tanh", name = String(function.split(separator: ".").last ?? "")
    guard function.hasPrefix("torch.nn."), let activation = VectorStep.Activation(rawValue: name) else {
      throw config.refused(function, "is an activation_function of a Dense module that Sheaf does not have", fix: fix)
    }
    var dense = VectorStep.Dense(
      weight: try weights.tensor("linear.weight", shape: [outputs, inputs]), bias: try config.bool("bias", default: true) ? weights.tensor("linear.bias", shape: [outputs]) : [],
      inputs: inputs, outputs: outputs, activation: activation)
    if try config.bool("use_residual", default: false) { dense.residual = inputs == outputs ? .itself : .projected(try weights.tensor("residual.weight", shape: [outputs, inputs])) }
    return dense
  }

  private static func layerNorm(_ folder: String) throws(ConfigurationError) -> VectorStep {
    let config = try config(folder), width = try integer("dimension", config), weights = try weights(folder)
    return .layerNorm(weight: try weights.tensor("norm.weight", shape: [width]), bias: try weights.tensor("norm.bias", shape: [width]))
  }
}
