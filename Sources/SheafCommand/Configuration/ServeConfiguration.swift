import Glibc
import Sheaf
import SheafONNX

/// What `sheaf serve` needs to know: a worker's configuration and a model's.
struct ServeConfiguration {
  var worker: WorkerConfiguration
  var model: ModelConfiguration
  /// libonnxruntime.so; nil: looked for.
  var library: String?

  struct ModelConfiguration {
    var path: String
    var name: String?
    var device: Device
    var threads: Int
    var truncation: Tokenizer.Truncation
    var maxLength: Int?
    /// nil: as the folder says.
    var pooling: String
    var normalize: String
    var outputs: [String]
    var acceptUnsafeBatching: Bool
    var warmUp: Nanoseconds
    var overrides: [String: TensorOverride]
    /// nil: by the model.
    var format: DecodeOptions.Format?
  }

  /// Reads and checks everything that the file, the environment and the flags can tell.
  /// - Throws: `ExitError` with a line for every fault.
  init(path: String, sets: [String] = [], environment: [String: String] = processEnvironment()) throws {
    guard let bytes = readFile(path) else {
      throw ExitError(code: ExitCode.usage, lines: ["\(path): cannot be read: \(String(cString: strerror(errno))); name a YAML file with --config"])
    }
    let name = String(path.split(separator: "/").last ?? "sheaf.yaml")
    var given = GivenSettings(file: (name, bytes), environment: environment, sets: sets)
    self.init(&given, environment)
    if !given.faults.isEmpty { throw ExitError(code: ExitCode.usage, lines: given.faults) }
  }

  init(_ given: inout GivenSettings, _ environment: [String: String]) {
    var kafka: [String: String] = [:]
    for (key, value) in given.values where key.hasPrefix("kafka.") {
      let property = String(key.dropFirst("kafka.".count))
      do throws(Units.Wrong) { kafka[property] = try expand(value.texts.joined(separator: ","), environment) } catch { given.fault(value.origin, "\(key): \(error.problem)", error.fix) }
    }
    let isMissing = { (key: String, given: GivenSettings) in given.values[key]?.texts.allSatisfy(\.isEmpty) ?? true }
    for key in ["topics.requests", "models.path"] where isMissing(key, given) && given.faults.isEmpty {
      given.fault("configuration", "\(key): is missing", "set it: \(SettingsTable.setting(key)!.help)")
    }
    worker = WorkerConfiguration(
      kafka: kafka,
      topics: .init(
        requests: given.list("topics.requests"), format: .json, replyFormat: given.choice("topics.replyFormat", ReplyFormat.self) ?? .json,
        nullValue: given.choice("topics.nullValue", DecodeOptions.NullValue.self) ?? .error, replies: given.text("topics.replies"),
        allowedReplies: given.list("topics.allowedReplies"), deadLetters: given.text("topics.deadLetters"),
        start: given.choice("topics.start", WorkerConfiguration.Topics.Start.self) ?? .earliest))
    worker.topics.batchHeader = given.boolean("topics.batchHeader") ?? false
    worker.batch = BatchSettings(
      maxRows: given.integer("models.batch.maxRows") ?? 32, maxWait: given.duration("models.batch.maxWait") ?? 5_000_000,
      maxTokens: given.integer("models.batch.maxTokens") ?? 4096, maxBytes: given.bytes("models.batch.maxBytes") ?? 16 << 20)
    worker.limits = .init(
      records: given.integer("limits.records") ?? 100_000, bytes: given.bytes("limits.bytes") ?? 64 << 20, span: given.integer("limits.span") ?? 20_000)
    worker.drainTimeout = given.duration("limits.drain") ?? 10_000_000_000
    worker.commitInterval = given.duration("commit.interval") ?? 200_000_000
    _ = given.choiceText("delivery")
    _ = given.choiceText("models.batch.policy")

    let threads = given.integer("models.threads") ?? 1
    worker.lanes = given.integer("models.lanes") ?? max(1, Processors.available() / threads)
    let devices = given.values["models.devices"]?.texts ?? ["cpu"]
    let device = devices.count == 1 ? Device(devices[0]) : nil
    if device == nil {
      let problem = devices.count == 1 ? "not a device" : "this version runs a model on one device"
      given.fault(given.values["models.devices"]?.origin ?? "", "models.devices: \(devices.joined(separator: ", ")): \(problem)", "set cpu, cuda:0 or tensorrt:0")
    }
    model = ModelConfiguration(
      path: given.text("models.path") ?? "", name: given.text("models.name"), device: device ?? .cpu, threads: threads,
      truncation: given.choice("models.truncate", Tokenizer.Truncation.self) ?? .end, maxLength: given.integer("models.maxLength"),
      pooling: given.choiceText("models.pooling") ?? "auto", normalize: given.choiceText("models.normalize") ?? "auto", outputs: given.list("models.outputs"),
      acceptUnsafeBatching: given.boolean("models.acceptUnsafeBatching") ?? false, warmUp: given.duration("models.warmUp") ?? 10_000_000_000, overrides: [:],
      format: given.values["topics.format"] == nil ? nil : given.choice("topics.format", DecodeOptions.Format.self))
    model.overrides = overrides(&given)
    library = given.text("runtime.library")

    if !model.path.isEmpty, access(model.path, R_OK) != 0 {
      given.fault(given.values["models.path"]!.origin, "models.path: \(model.path): \(String(cString: strerror(errno)))", "name an ONNX file or a folder that holds model.onnx")
    }
    // The worker's own checks, told with the place of their key.
    if given.faults.isEmpty {
      do throws(ConfigurationError) { try worker.validate() } catch {
        let key = error.key.hasPrefix("batch.") ? "models.\(error.key)" : error.key
        given.fault(given.values[key]?.origin ?? "configuration", "\(key): \(error.value.isEmpty ? "" : "\(error.value): ")\(error.problem)", error.fix)
      }
    }
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
    case "shared": override.isShared = given.boolean(key) ?? false
    case "mask": override.mask = given.text(key)
    case "constant": override.constant = given.number(key)
    default: break
    }
    overrides[name] = override
  }
  return overrides
}

/// Replaces ${NAME} by a variable of the environment and ${file:PATH} by a file's first line.
func expand(_ text: String, _ environment: [String: String]) throws(Units.Wrong) -> String {
  var result = "", rest = text[...]
  while let dollar = rest.firstIndex(of: "$"), rest[rest.index(after: dollar)...].first == "{" {
    guard let end = rest[dollar...].firstIndex(of: "}") else { throw Units.Wrong(problem: "${ without }", fix: "close it") }
    let name = String(rest[rest.index(dollar, offsetBy: 2)..<end])
    result += rest[..<dollar]
    if name.hasPrefix("file:") {
      guard let bytes = readFile(String(name.dropFirst("file:".count))) else {
        throw Units.Wrong(problem: "${\(name)}: \(String(cString: strerror(errno)))", fix: "name a file that can be read")
      }
      result += String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    } else {
      guard let value = environment[name] else { throw Units.Wrong(problem: "${\(name)} is not set", fix: "set the variable \(name) in the environment") }
      result += value
    }
    rest = rest[rest.index(after: end)...]
  }
  return result + rest
}

func processEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var next = environ
  while let entry = next.pointee {
    let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
    next += 1
  }
  return variables
}

/// nil: it cannot be read; errno says why.
func readFile(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  while true {
    let old = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: 65536))
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + old, 65536) }
    bytes.removeLast(65536 - max(0, count))
    if count < 0 { return nil }
    if count == 0 { return bytes }
  }
}
