import Glibc
import Sheaf
import SheafModels
import SheafONNX

extension ServeConfiguration {
  /// Loads the runtime, the tokenizer where there is one, and the model; completes the worker's configuration by what they say.
  /// - Throws: `ONNXError`, `ConfigurationError`.
  mutating func loadModel() throws -> OnnxModel {
    let text = try tokenizer(try ModelFolder(model.path))
    worker.topics.format = model.format ?? (text == nil ? .json : .text)
    var options = OnnxOptions(path: model.path, device: model.device, intraOpThreads: model.threads)
    options.name = model.name
    options.tensors = model.overrides
    options.outputs = model.outputs.isEmpty ? nil : model.outputs
    options.maxLength = model.maxLength
    options.pooling = model.pooling
    options.normalize = model.normalize
    options.prompt = model.prompt
    options.answers = model.answers
    options.labels = model.labels.isEmpty ? nil : model.labels
    options.activation = model.activation
    options.top = model.top
    options.version = model.version
    options.acceptsUnsafeBatching = model.acceptUnsafeBatching
    return try OnnxModel(options, runtime: try Runtime(library: library), text: text)
  }

  /// Where what runs of this model cost is kept.
  func profileStore(_ loaded: OnnxModel) -> ProfileStore {
    ProfileStore(folder: model.profile, name: loaded.name, model: model.path, runtime: runtime(loaded), device: model.device, threads: model.threads)
  }

  /// As profiles name it.
  func runtime(_ loaded: OnnxModel) -> String { "onnxruntime \(loaded.session.runtime.version)" }

  /// Where texts are not the format, a tokenizer that Sheaf does not have is only told of: ids are taken all the same.
  private mutating func tokenizer(_ folder: ModelFolder) throws -> Tokenizer? {
    guard let place = folder.tokenizer else {
      guard model.format == .text else { return nil }
      throw ConfigurationError(key: "topics.format", value: "text", problem: "there is no tokenizer.json beside \(folder.file)", fix: "set json or raw, or put the model's tokenizer.json there")
    }
    do {
      let tokenizer = try Tokenizer(folder: place, maxLength: model.maxLength, truncation: model.truncation)
      textNotes = tokenizer.notes
      return tokenizer
    } catch {
      if model.format == nil || model.format == .text { throw error }
      textNotes = ["texts are not taken, only ids: \(error)"]
      return nil
    }
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
