import COnnxRuntime
import Glibc

/// ONNX Runtime, loaded with dlopen: nothing of it is needed to build.
///
/// One for the process is enough; sessions keep it alive.
public final class Runtime: @unchecked Sendable {  // Set once in init; ONNX Runtime's environment is thread-safe.
  let functions: UnsafePointer<OrtFunctions>
  let environment: OpaquePointer
  /// Such as "1.31.1".
  public let version: String
  /// Where the library was found.
  public let path: String

  /// Loads the library. - Parameter path: a file, or nil: `SHEAF_ONNXRUNTIME`, else `.sheaf/onnxruntime/` under the working
  /// folder and beside the executable, else the loader's search path.
  /// - Throws: `OnnxError` that says what was looked for and what to do.
  public init(path: String? = nil) throws {
    let candidates = path.map { [$0] } ?? Runtime.candidates()
    var problems: [String] = []
    var loaded: (handle: UnsafeMutableRawPointer, path: String)?
    for candidate in candidates {
      if let handle = dlopen(candidate, RTLD_NOW | RTLD_LOCAL) {
        loaded = (handle, candidate)
        break
      }
      problems.append(dlerror().map { String(cString: $0) } ?? candidate)
    }
    guard let loaded else {
      throw OnnxError(code: -1, message: "cannot load ONNX Runtime: \(problems.joined(separator: "; ")); set runtime.library (or SHEAF_ONNXRUNTIME) to libonnxruntime.so, or run scripts/setup")
    }
    guard let symbol = dlsym(loaded.handle, "OrtGetApiBase") else {
      throw OnnxError(code: -1, message: "\(loaded.path) is not ONNX Runtime: it has no OrtGetApiBase")
    }
    typealias GetBase = @convention(c) () -> UnsafePointer<OrtApiBase>
    let base = unsafeBitCast(symbol, to: GetBase.self)()
    version = String(cString: base.pointee.GetVersionString()!)
    self.path = loaded.path
    guard let table = base.pointee.GetApi(UInt32(ORT_API_VERSION_NEEDED)) else {
      throw OnnxError(code: -1, message: "\(loaded.path) is ONNX Runtime \(version); 1.\(ORT_API_VERSION_NEEDED) or newer is needed")
    }
    let functions = UnsafeMutablePointer<OrtFunctions>.allocate(capacity: 1)
    functions.initialize(to: OrtFunctions())
    ort_read_functions(table, functions)
    self.functions = UnsafePointer(functions)
    var environment: OpaquePointer?
    // Severity 3: errors. The threads are each session's own.
    let status = functions.pointee.CreateEnv(3, "sheaf", &environment)
    guard status == nil, let environment else {
      throw OnnxError(code: -1, message: "\(loaded.path): no environment")
    }
    self.environment = environment
  }

  // The library stays loaded and the environment stays: providers have threads that outlive both.

  /// Throws what a call answered, unless that was success.
  func check(_ status: OpaquePointer?) throws {
    guard let status else { return }
    defer { functions.pointee.ReleaseStatus(status) }
    throw OnnxError(code: functions.pointee.GetErrorCode(status), message: String(cString: functions.pointee.GetErrorMessage(status)!))
  }

  /// Names of the execution providers compiled into the library, whether or not they can be used here.
  public var providers: [String] {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    var count: Int32 = 0
    guard (try? check(functions.pointee.GetAvailableProviders(&names, &count))) != nil, let names else { return [] }
    defer { try? check(functions.pointee.ReleaseAvailableProviders(names, count)) }
    return (0..<Int(count)).map { String(cString: names[$0]!) }
  }

  private static func candidates() -> [String] {
    if let named = getenv("SHEAF_ONNXRUNTIME") { return [String(cString: named)] }
    let executable = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
      String(decoding: UnsafeRawBufferPointer(start: buffer.baseAddress, count: max(0, readlink("/proc/self/exe", buffer.baseAddress!, 4095))), as: UTF8.self)
    }
    let beside = executable.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let folders = [".sheaf/onnxruntime", "\(beside)/.sheaf/onnxruntime", "\(beside)/../lib", beside]
    return folders.flatMap { folder in libraries(in: folder).map { "\(folder)/\($0)" } } + ["libonnxruntime.so.1", "libonnxruntime.so"]
  }

  private static func libraries(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
      if name.hasPrefix("libonnxruntime.so") { found.append(name) }
    }
    return found.sorted(by: >)
  }
}
