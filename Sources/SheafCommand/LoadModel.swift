import Glibc
import Sheaf
import SheafModels
import SheafONNX

extension ServeConfiguration {
  /// Loads the runtime, the tokenizer where there is one, and the model; completes the worker's configuration by what they say.
  /// - Throws: `ONNXError`, `ConfigurationError`.
  mutating func loadModel() throws -> OnnxModel {
    let folder = modelFolder(model.path)
    let text = try tokenizer(folder)
    worker.topics.format = model.format ?? (text == nil ? .json : .text)
    if worker.topics.format == .text, text == nil {
      throw ConfigurationError(key: "topics.format", value: "text", problem: "there is no tokenizer.json in \(folder)", fix: "set json or raw, or put the model's tokenizer.json there")
    }
    var options = OnnxOptions(path: model.path, device: model.device, intraOpThreads: model.threads)
    options.name = model.name
    options.tensors = model.overrides
    options.outputs = model.outputs.isEmpty ? nil : model.outputs
    options.maxLength = model.maxLength
    let hints = PoolingHints(folder: folder)
    options.pooling = model.pooling == "auto" ? hints.pooling : OnnxOptions.Pooling(rawValue: model.pooling)
    options.normalize = model.normalize == "true" || model.normalize == "auto" && options.pooling != nil && hints.normalizes
    let runtime = try Runtime(library: library)
    do {
      return try OnnxModel(options, runtime: runtime, text: text)
    } catch is ConfigurationError where model.pooling == "auto" && options.pooling != nil {
      // What the folder says is not for this graph: it pools already.
      options.pooling = nil
      options.normalize = model.normalize == "true"
      return try OnnxModel(options, runtime: runtime, text: text)
    }
  }

  /// Where what runs of this model cost is kept.
  func profileStore(_ loaded: OnnxModel) -> ProfileStore {
    ProfileStore(folder: model.profile, name: loaded.name, model: model.path, runtime: runtime(loaded), device: model.device, threads: model.threads)
  }

  /// As profiles name it.
  func runtime(_ loaded: OnnxModel) -> String { "onnxruntime \(loaded.session.runtime.version)" }

  /// A text never has more tokens than a batch may.
  private func tokenizer(_ folder: String) throws -> Tokenizer? {
    guard Tokenizer.exists(in: folder) else { return nil }
    let tokenizer = try Tokenizer(folder: folder, maxLength: model.maxLength, truncation: model.truncation)
    if tokenizer.maxLength <= worker.batch.maxTokens { return tokenizer }
    return try Tokenizer(folder: folder, maxLength: worker.batch.maxTokens, truncation: model.truncation)
  }
}

/// What a sentence-transformers folder says comes after the graph: 1_Pooling/config.json, and a Normalize module in modules.json.
private struct PoolingHints {
  var pooling: OnnxOptions.Pooling?
  var normalizes = false

  init(folder: String) {
    normalizes = readFile(folder + "/modules.json").map { String(decoding: $0, as: UTF8.self).contains("Normalize\"") } ?? false
    guard let bytes = readFile(folder + "/1_Pooling/config.json") else { return }
    // Whitespace aside, the file is a flat object of booleans and numbers.
    let text = String(decoding: bytes.filter { $0 > 32 }, as: UTF8.self)
    if text.contains(#""pooling_mode_mean_tokens":true"#) { pooling = .mean }
    if text.contains(#""pooling_mode_cls_token":true"#) { pooling = .cls }
    if text.contains(#""pooling_mode_lasttoken":true"#) { pooling = .last }
  }
}

func isDirectory(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The folder a model's other files are in: the path itself, or the one that holds the file.
func modelFolder(_ path: String) -> String {
  if isDirectory(path) { return path }
  return path.contains("/") ? path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") : "."
}
