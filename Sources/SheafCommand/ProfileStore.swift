import Glibc
import Sheaf

/// The file in which what runs of a model cost is kept. Its name says what it holds for: the model's content, the runtime and its
/// version, the device and the threads of a run; where one of them changes, another file is used. Without it, or where it cannot be
/// read or written, a worker learns anew and nothing else happens.
struct ProfileStore {
  /// nil: nothing is kept.
  let path: String?

  /// - Parameters:
  ///   - folder: where profiles are; "none": nowhere; nil: the user's cache.
  ///   - model: the model's file, or its folder.
  init(folder: String?, name: String, model: String, runtime: String, device: String, threads: Int, environment: [String: String] = processEnvironment()) {
    guard let folder = ProfileStore.place(folder, environment) else {
      path = nil
      return
    }
    let content = ProfileStore.content(model)
    path = ProfileStore.path(folder, name, content, runtime, device, "\(threads)") + ".profile"
  }

  /// Of one model at several numbers of threads; its content is read once.
  static func paths(folder: String?, name: String, model: String, runtime: String, device: String, threads: some Sequence<Int>, environment: [String: String] = processEnvironment()) -> [(threads: Int, path: String)] {
    guard let folder = place(folder, environment) else { return [] }
    let content = content(model)
    return threads.map { ($0, path(folder, name, content, runtime, device, "\($0)") + ".profile") }
  }

  /// The file beside a model's profiles, of all numbers of threads, that holds what `sheaf tune` has measured.
  static func tuned(folder: String?, name: String, model: String, runtime: String, device: String, environment: [String: String] = processEnvironment()) -> String? {
    place(folder, environment).map { path($0, name, content(model), runtime, device, "tune") + ".tune" }
  }

  private static func place(_ folder: String?, _ environment: [String: String]) -> String? {
    let cache = environment["XDG_CACHE_HOME"] ?? environment["HOME"].map { $0 + "/.cache" }
    return folder == "none" ? nil : folder ?? cache.map { $0 + "/sheaf" }
  }

  private static func content(_ model: String) -> UInt64 { fnv1a(fingerprint(isDirectory(model) ? model + "/model.onnx" : model)) }

  private static func path(_ folder: String, _ name: String, _ content: UInt64, _ runtime: String, _ device: String, _ threads: String) -> String {
    let hash = fnv1a("\(runtime) \(device) \(threads)".utf8, content)
    let plain = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "_" }.prefix(64))
    return "\(folder)/\(plain)-\(String(hash, radix: 16))"
  }

  func read() -> RunProfile? { path.flatMap { readFile($0, waits: false) }.flatMap(RunProfile.init(encoded:)) }

  /// Replaces the file in one step. - Returns: whether it was written.
  @discardableResult func write(_ profile: RunProfile) -> Bool {
    guard let path, !profile.isEmpty else { return false }
    return replaceFile(path, profile.encoded)
  }
}

/// Writes a file anew, in one step, with the folders it lies in. - Returns: whether it was written.
func replaceFile(_ path: String, _ bytes: [UInt8]) -> Bool {
  if let slash = path.lastIndex(of: "/") { makeFolders(String(path[..<slash])) }
  // In a container every process may have the same id.
  let temporary = path + ".\(getpid())-\(UInt32.random(in: .min ... .max))"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { return false }
  let isWritten = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == bytes.count
  close(descriptor)
  guard isWritten, rename(temporary, path) == 0 else {
    unlink(temporary)
    return false
  }
  return true
}

/// A file's size, and its first and last MiB: enough to tell one graph from another without reading gigabytes of weights.
private func fingerprint(_ path: String) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return [] }
  defer { close(descriptor) }
  let size = lseek(descriptor, 0, SEEK_END)
  var bytes = Array("\(size)".utf8)
  var part = [UInt8](repeating: 0, count: 1 << 20)
  for start in [0, max(0, size - part.count)] {
    let count = pread(descriptor, &part, part.count, start)
    bytes += part.prefix(max(0, count))
  }
  return bytes
}

/// The folder and those above it that are missing.
private func makeFolders(_ path: String) {
  var part = ""
  for name in path.split(separator: "/", omittingEmptySubsequences: false) {
    part += part.isEmpty && name.isEmpty ? "/" : part.hasSuffix("/") || part.isEmpty ? String(name) : "/\(name)"
    if part != "/" { mkdir(part, 0o755) }
  }
}
