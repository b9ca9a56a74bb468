import Glibc

/// Where libonnxruntime.so is looked for.
public enum Library {
  /// Environment variable that names the library, or the folder it is in.
  public static let variable = "SHEAF_ONNXRUNTIME"

  /// What dlopen is given, in order, until one loads.
  ///
  /// `path` (a file or a folder) where given, and nothing else; else the environment's, and nothing else; else what is in
  /// `.sheaf/onnxruntime` under the current folder and beside the executable; else the names the loader's search path is asked for.
  public static func candidates(path: String? = nil) -> [String] {
    if let path = path ?? environment(variable) {
      let inside = libraries(in: path)
      return inside.isEmpty ? [path] : inside
    }
    var folders = [".sheaf/onnxruntime"]
    if let executable = realPath("/proc/self/exe"), let slash = executable.lastIndex(of: "/") {
      folders.append(executable[..<slash] + "/.sheaf/onnxruntime")
    }
    return folders.flatMap(libraries) + ["libonnxruntime.so.1", "libonnxruntime.so"]
  }

  /// The `libonnxruntime.so*` of a folder, newest version first; empty where there is none or no such folder.
  static func libraries(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(cString: $0.assumingMemoryBound(to: CChar.self).baseAddress!) }
      if name.hasPrefix("libonnxruntime.so") { names.append(name) }
    }
    return names.sorted { version($1).lexicographicallyPrecedes(version($0)) }.map { folder + "/" + $0 }
  }

  private static func version(_ name: String) -> [Int] { name.split(separator: ".").compactMap { Int($0) } }

  static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Opens the first candidate that is there. The library is never closed: its threads and destructors live on.
  static func open(path: String?) throws(ONNXError) -> (handle: UnsafeMutableRawPointer, path: String) {
    var problems: [String] = []
    for candidate in candidates(path: path) {
      if let handle = dlopen(candidate, RTLD_NOW | RTLD_LOCAL) { return (handle, candidate) }
      problems.append(dlerror().map { String(cString: $0) } ?? candidate)
    }
    if path == nil, environment(variable) == nil { problems.insert("no .sheaf/onnxruntime/libonnxruntime.so* here or beside the executable", at: 0) }
    throw ONNXError(
      "loading ONNX Runtime", problems.joined(separator: "; "),
      fix: "put libonnxruntime.so (it is in the onnxruntime wheel) into .sheaf/onnxruntime, or name it in \(variable)")
  }
}
