import Glibc
import Sheaf
import SheafModels
import SheafONNX

/// What `sheaf serve` needs to know: a worker's configuration and a model's.
struct ServeConfiguration {
  var worker: WorkerConfiguration
  var model: ModelConfiguration
  /// The settings as they were given, by key.
  var given: [String: String]
  /// What the tokenizer's files leave to be told; known once the model is loaded.
  var textNotes: [String] = []
  /// libonnxruntime.so; nil: looked for.
  var library: String?

  struct ModelConfiguration {
    var path: String
    var name: String?
    /// `cpu`, `cuda:N` or `tensorrt:N`.
    var device: String
    var threads: Int
    /// nil: as the tokenizer's files have it.
    var truncation: Tokenizer.Truncation?
    var maxLength: Int?
    var pooling: OnnxOptions.Pooling
    /// nil: as the folder says.
    var normalize: Bool?
    var prompt: OnnxOptions.Prompt
    var outputs: [String]
    var answers: OnnxOptions.Answers
    var labels: [String]
    /// nil: as the folder says.
    var activation: OnnxOptions.Activation?
    var top: Int
    var version: String?
    var acceptUnsafeBatching: Bool
    var warmUp: Nanoseconds
    var overrides: [String: TensorOverride]
    /// The folder of run profiles, or "none"; nil: the user's cache.
    var profile: String?
    /// nil: by the model.
    var format: DecodeOptions.Format?
  }

  /// Reads and checks everything that the file, the environment and the flags can tell.
  /// - Parameters: bytes: instead of the file's; waits: for whoever writes to a pipe.
  /// - Throws: `ExitError` with a line for every fault.
  init(path: String, sets: [String] = [], environment: [String: String] = processEnvironment(), bytes: [UInt8]? = nil, waits: Bool = true) throws {
    guard let bytes = bytes ?? readFile(path, waits: waits) else {
      throw ExitError(code: ExitCode.usage, lines: ["\(path): cannot be read: \(String(cString: strerror(errno))); name a YAML file with --config"])
    }
    let name = String(path.split(separator: "/").last ?? "sheaf.yaml")
    var given = GivenSettings(file: (name, bytes), environment: environment, sets: sets)
    self.init(&given, environment)
    if !given.faults.isEmpty { throw ExitError(code: ExitCode.usage, lines: given.faults.sorted(by: Fault.inOrder).map(\.description)) }
  }

  /// Of a model alone, for commands that need no Kafka: what the environment and the flags say about it, and defaults.
  /// - Throws: `UsageError` where there is no such model; `ExitError` with a line for every fault.
  init(model path: String, sets: [String] = [], command: String, environment: [String: String] = processEnvironment()) throws {
    if access(path, R_OK) != 0 { throw UsageError("\(command): \(path): \(String(cString: strerror(errno))); name an ONNX file or a folder that holds model.onnx") }
    let rest = "kafka: { bootstrap.servers: localhost:9092, group.id: none }\ntopics: { requests: [requests], replies: replies }"
    var given = GivenSettings(file: (path, Array(rest.utf8)), environment: environment, sets: sets + ["models.path=\(path)"])
    self.init(&given, environment)
    if !given.faults.isEmpty { throw ExitError(code: ExitCode.usage, lines: given.faults.sorted(by: Fault.inOrder).map(\.description)) }
  }

  init(_ given: inout GivenSettings, _ environment: [String: String]) {
    self.given = given.values.mapValues(\.text)
    let kafka = given.kafka(environment)
    worker = WorkerConfiguration(
      kafka: kafka,
      topics: .init(
        requests: given.list("topics.requests"), format: .json, replyFormat: given.choice("topics.replyFormat", ReplyFormat.self) ?? .json,
        nullValue: given.choice("topics.nullValue", DecodeOptions.NullValue.self) ?? .error, replies: given.text("topics.replies"),
        allowedReplies: given.list("topics.allowedReplies"), deadLetters: given.text("topics.deadLetters"),
        start: given.choice("topics.start", WorkerConfiguration.Topics.Start.self) ?? .earliest))
    worker.topics.takesNonFinite = given.choiceText("topics.nonFinite") == "accept"
    worker.failsNaN = given.choiceText("models.nan") == "fail"
    worker.topics.bulk = given.list("topics.bulk")
    worker.topics.bulkWait = given.duration("topics.bulkWait") ?? 1_000_000_000
    worker.topics.timeout = given.duration("topics.timeout")
    worker.topics.batchHeader = given.boolean("topics.batchHeader") ?? false
    let policy = given.choice("models.batch.policy", BatchPolicy.self) ?? .fixed, target = given.duration("models.batch.latencyTarget") ?? 100_000_000
    // An adaptive policy decides by itself; what is not set bounds it loosely.
    worker.batch = BatchSettings(
      maxRows: given.integer("models.batch.maxRows") ?? (policy == .fixed ? 32 : 256),
      maxWait: given.duration("models.batch.maxWait") ?? (policy == .fixed ? 5_000_000 : target),
      maxTokens: given.integer("models.batch.maxTokens") ?? 0, maxBytes: given.bytes("models.batch.maxBytes") ?? 16 << 20)
    worker.batch.policy = policy
    worker.batch.adaptive.latencyTarget = target
    worker.limits = .init(
      records: given.integer("limits.records") ?? 100_000, bytes: given.bytes("limits.bytes") ?? 64 << 20, span: given.integer("limits.span") ?? 20_000,
      stall: given.duration("limits.stall") ?? 120_000_000_000)
    worker.isolation.isOn = given.boolean("models.isolate") ?? true
    worker.batchLog = given.duration("log.batches")
    worker.drainTimeout = given.duration("limits.drain") ?? 10_000_000_000
    worker.commitInterval = given.duration("commit.interval") ?? 100_000_000
    worker.delivery = given.choice("delivery", WorkerConfiguration.Delivery.self) ?? .atLeastOnce
    worker.topics.order = given.choice("topics.order", WorkerConfiguration.Topics.Order.self) ?? .none
    worker.batch.adaptive.objective = given.choice("models.batch.objective", AdaptiveSettings.Objective.self) ?? .latency
    worker.batch.adaptive.passedOverAtMost = given.integer("models.batch.passedOver") ?? 128

    let threads = given.integer("models.threads") ?? 1
    worker.lanes = given.integer("models.lanes") ?? max(1, Processors.available() / threads)
    let devices = given.values["models.devices"]?.texts ?? ["cpu"]
    if devices.count != 1 || (try? Provider(devices[0])) == nil {
      given.fault(
        of: "models.devices", value: devices.joined(separator: ", "), devices.count == 1 ? "not a device" : "this version runs a model on one device",
        "set cpu, cuda:0 or tensorrt:0")
    }
    model = ModelConfiguration(
      path: given.text("models.path") ?? "", name: given.text("models.name"), device: devices.first ?? "cpu", threads: threads,
      truncation: given.choice("models.truncate", Tokenizer.Truncation.self), maxLength: given.integer("models.maxLength"),
      pooling: pooling(&given), normalize: given.choiceText("models.normalize").flatMap { Bool($0) }, prompt: prompt(&given), outputs: given.list("models.outputs"),
      answers: given.choice("models.answers", OnnxOptions.Answers.self) ?? .asFolder, labels: given.list("models.labels"),
      activation: given.choiceText("models.activation").flatMap { OnnxOptions.Activation(rawValue: $0) }, top: given.integer("models.top") ?? 1, version: given.text("models.version"),
      acceptUnsafeBatching: given.boolean("models.acceptUnsafeBatching") ?? false, warmUp: given.duration("models.warmUp") ?? 10_000_000_000, overrides: [:],
      profile: given.text("models.profile"),
      format: given.values["topics.format"] == nil ? nil : given.choice("topics.format", DecodeOptions.Format.self))
    model.overrides = overrides(&given)
    library = given.text("runtime.library")

    if !given.isFaulty("models.path"), access(model.path, R_OK) != 0 {
      let problem = model.path.isEmpty ? "is missing" : String(cString: strerror(errno))
      given.fault(of: "models.path", value: model.path, problem, "name an ONNX file or a folder that holds model.onnx")
    }
    // The worker's own checks, told with the place of their key.
    for error in worker.faults {
      let key = error.key.hasPrefix("batch.") ? "models.\(error.key)" : error.key
      if given.isFaulty(key) { continue }
      let property = key.hasPrefix("kafka.") ? String(key.dropFirst("kafka.".count)) : nil
      let value = property.map { property in given.values[key].map { given.shown(property, $0) } ?? "" } ?? error.value
      given.fault(of: key, value: value, error.problem, error.fix)
    }
  }
}

private func pooling(_ given: inout GivenSettings) -> OnnxOptions.Pooling {
  let names = given.list("models.pooling")
  if names.isEmpty || names == ["auto"] { return .asFolder }
  if names == ["none"] { return .none }
  // Some say last.
  let modes = names.compactMap { $0 == "last" ? .last : Pool.Mode(rawValue: $0) }
  if modes.count < names.count { given.fault(of: "models.pooling", value: names.joined(separator: ", "), "is not a way to pool", "set auto, none, or one or more of \(Pool.Mode.allCases.map(\.rawValue).joined(separator: ", "))") }
  return .by(modes)
}

private func prompt(_ given: inout GivenSettings) -> OnnxOptions.Prompt {
  if let text = given.text("models.promptText") {
    if given.text("models.prompt") != nil { given.fault(of: "models.promptText", value: text, "contradicts models.prompt", "set one of them") }
    return .text(text)
  }
  return switch given.text("models.prompt") {
  case nil, "auto": .asFolder
  case "none": .none
  case let name?: .named(name)
  }
}

/// `models.inputs.NAME.KEY`, by name.
private func overrides(_ given: inout GivenSettings) -> [String: TensorOverride] {
  var overrides: [String: TensorOverride] = [:]
  for key in given.values.keys.filter({ $0.hasPrefix("models.inputs.") }).sorted() {
    let path = key.dropFirst("models.inputs.".count)
    guard let dot = path.lastIndex(of: ".") else { continue }
    let name = String(path[..<dot])
    var override = overrides[name] ?? TensorOverride()
    switch path[path.index(after: dot)...] {
    case "batchAxis": override.batchAxis = given.integer(key)
    case "padAxis": override.padAxis = given.integer(key)
    case "padValue": override.padValue = given.number(key)
    case "shared": override.shared = given.boolean(key) ?? false
    case "mask": override.mask = given.text(key)
    case "constant": override.constant = given.number(key)
    default: break
    }
    overrides[name] = override
  }
  return overrides
}
