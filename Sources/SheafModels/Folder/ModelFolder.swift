import Glibc
import Sheaf

/// The files of a model, as Hugging Face's hub and its libraries lay them out: an ONNX file, alone or in a folder; beside it, or one
/// folder above an `onnx` folder, what says how texts go in and what becomes of the answers.
public struct ModelFolder: Sendable {
  /// The ONNX file.
  public let file: String
  /// A short name: the file's, or where that says nothing (model.onnx) the folder's.
  public let name: String
  /// Where files beside the model are looked for, the likeliest first.
  let places: [String]

  /// - Parameter path: an ONNX file, or a folder with one.
  /// - Throws: `ConfigurationError` where there is none, or more than one and none of them is called model.onnx.
  public init(_ path: String) throws(ConfigurationError) {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    file = isFolder(path) ? try ModelFolder.find(path) : path
    let folder = ModelFolder.parent(file)
    var places = [folder]
    if ModelFolder.last(folder) == "onnx" || isFolder(path) && path != folder { places.append(ModelFolder.parent(folder)) }
    // What old versions of sentence-transformers saved has the tokenizer in the folder of the first module.
    places += places.flatMap { place in ["0_Transformer", "0_BERT"].map { "\(place)/\($0)" } }.filter(isFolder)
    self.places = places
    var name = ModelFolder.last(file)
    if name.hasSuffix(".onnx") { name.removeLast(5) }
    if name == "model" || name.hasPrefix("model_"), file.contains("/") {
      let named = ModelFolder.last(folder) == "onnx" ? ModelFolder.last(ModelFolder.parent(folder)) : ModelFolder.last(folder)
      if !named.isEmpty, named != "." { name = named }
    }
    self.name = name
  }

  /// The first of the places that has a file of this name; `nil`: none has.
  func place(of name: String) -> String? { places.first { access("\($0)/\(name)", R_OK) == 0 } }

  /// The folder of the tokenizer; `nil`: there is none.
  public var tokenizer: String? { place(of: "tokenizer.json") }

  // MARK: Finding the file

  private static func find(_ folder: String) throws(ConfigurationError) -> String {
    for place in [folder, folder + "/onnx"] {
      if access(place + "/model.onnx", R_OK) == 0 { return place + "/model.onnx" }
    }
    let files = [folder, folder + "/onnx"].flatMap { place in list(place).filter { $0.hasSuffix(".onnx") }.map { "\(place)/\($0)" } }
    if files.count == 1 { return files[0] }
    if !files.isEmpty { throw refused(folder, "there is no model.onnx, but \(files.map { $0.dropFirst(folder.count + 1) }.joined(separator: ", "))", "name one of them") }
    let weights = list(folder).filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".bin") || $0.hasSuffix(".pt") || $0.hasSuffix(".pkl") || $0.hasSuffix(".gguf") }
    throw refused(
      folder, "there is no ONNX file, in it or in \(folder)/onnx" + (weights.isEmpty ? "" : ", but \(weights.joined(separator: ", "))"),
      weights.isEmpty ? "name an ONNX file, or a folder that holds model.onnx" : "export the model to ONNX first, as with `optimum-cli export onnx`")
  }

  private static func list(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } })
    }
    return names.sorted()
  }

  static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return path == "." ? ".." : "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func last(_ path: String) -> String { path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }
}

func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }
