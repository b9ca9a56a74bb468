import Glibc
import Sheaf
import SheafONNX

extension ServeConfiguration {
  /// Loads the runtime, the tokenizer where there is one, and the model; completes the worker's configuration by what they say.
  /// - Throws: `OnnxError`, `ConfigurationError`.
  mutating func loadModel() throws -> OnnxModel {
    let folder: String, file: String
    if isDirectory(model.path) {
      folder = model.path
      file = folder + "/model.onnx"
    } else {
      file = model.path
      folder = file.contains("/") ? file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") : "."
    }
    let text: Tokenizer? = Tokenizer.exists(in: folder) ? try Tokenizer(folder: folder, maxLength: model.maxLength, truncation: model.truncation) : nil
    worker.topics.format = model.format ?? (text == nil ? .json : .text)
    if worker.topics.format == .text, text == nil {
      throw ConfigurationError(key: "topics.format", value: "text", problem: "there is no tokenizer.json beside \(file)", fix: "set json or raw, or put the model's tokenizer.json there")
    }
    var options = OnnxModel.Options(path: file, session: SessionOptions(device: model.device, intraOpThreads: model.threads))
    options.name = model.name ?? folderName(model.path)
    options.overrides = model.overrides
    options.outputs = model.outputs
    options.maxLength = model.maxLength
    let hints = PoolingHints(folder: folder)
    switch model.pooling {
    case "none": break
    case "auto": options.pooling = hints.pooling
    default: options.pooling = Pooling(rawValue: model.pooling)
    }
    options.normalize = model.normalize == "true" || model.normalize == "auto" && options.pooling != nil && hints.normalizes
    let runtime = try Runtime(path: library)
    do {
      return try OnnxModel(runtime, options, text: text)
    } catch let error as ConfigurationError where error.key == "models.pooling" && model.pooling == "auto" {
      // The graph pools already.
      options.pooling = nil
      options.normalize = model.normalize == "true"
      return try OnnxModel(runtime, options, text: text)
    }
  }

  private func folderName(_ path: String) -> String {
    let parts = path.split(separator: "/")
    let last = String(parts.last ?? "model")
    if last == "model.onnx", parts.count > 1 { return String(parts[parts.count - 2]) }
    return last.hasSuffix(".onnx") ? String(last.dropLast(5)) : last
  }
}

/// What a sentence-transformers folder says comes after the graph: 1_Pooling/config.json, and a Normalize module in modules.json.
private struct PoolingHints {
  var pooling: Pooling?
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
