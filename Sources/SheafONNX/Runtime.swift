import COnnxRuntime
import Glibc

/// The loaded library and its environment: what sessions are made with. One a process is enough.
public final class Runtime: @unchecked Sendable {  // unchecked: C pointers that are set once; the functions are thread-safe
  /// From 0, everything, to 4, only what ends the process. Every error also comes as `ONNXError`, so the default is `fatal`.
  public enum LogLevel: Int32, Sendable, CaseIterable { case verbose = 0, info, warning, error, fatal }

  /// The file that was loaded, as it was found.
  public let path: String
  /// ONNX Runtime's version, such as `1.31.1`.
  public let version: String
  /// What this build of ONNX Runtime was built with, by ONNX Runtime's names (`CPUExecutionProvider`); not whether the machine has
  /// the devices.
  public let providers: [String]
  let api: OrtFunctions
  let environment: OpaquePointer
  /// The memory that callers' tensors lie in.
  let hostMemory: OpaquePointer
  /// Owned by the library.
  let allocator: OpaquePointer

  /// Loads the library and makes an environment; see `Library.candidates(path:)` for where it is looked for.
  /// - Throws: where it is missing (with what was looked for), is no ONNX Runtime, or is too old.
  public init(library: String? = nil, log: LogLevel = .fatal) throws(ONNXError) {
    let (handle, path) = try Library.open(path: library)
    guard let symbol = dlsym(handle, "OrtGetApiBase") else {
      throw ONNXError("loading \(path)", "no symbol OrtGetApiBase: not ONNX Runtime", fix: "name libonnxruntime.so itself")
    }
    typealias GetApiBase = @convention(c) () -> UnsafePointer<OrtApiBase>?
    guard let base = unsafeBitCast(symbol, to: GetApiBase.self)() else { throw ONNXError("loading \(path)", "OrtGetApiBase answered nothing") }
    version = base.pointee.GetVersionString().map { String(cString: $0) } ?? "unknown"
    guard let table = base.pointee.GetApi(UInt32(ORT_API_VERSION_NEEDED)) else {
      throw ONNXError("loading \(path)", "version \(version) is too old", fix: "1.\(ORT_API_VERSION_NEEDED) or newer is needed")
    }
    var api = OrtFunctions()
    ort_read_functions(table, &api)
    self.api = api
    self.path = path

    var environment, memory, allocator: OpaquePointer?
    try api.check(api.CreateEnv(log.rawValue, "sheaf", &environment), "starting ONNX Runtime")
    // Device allocator (0) and default memory (0): plain host memory, aligned or not.
    try api.check(api.CreateCpuMemoryInfo(0, 0, &memory), "starting ONNX Runtime")
    try api.check(api.GetAllocatorWithDefaultOptions(&allocator), "starting ONNX Runtime")
    self.environment = environment!
    hostMemory = memory!
    self.allocator = allocator!

    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    var count: Int32 = 0
    try api.check(api.GetAvailableProviders(&names, &count), "listing providers")
    providers = (0..<Int(count)).compactMap { names?[$0].map { String(cString: $0) } }
    if let status = api.ReleaseAvailableProviders(names, count) { api.ReleaseStatus(status) }
  }

  deinit {
    api.ReleaseMemoryInfo(hostMemory)
    api.ReleaseEnv(environment)
  }

  /// Takes over a string that ONNX Runtime allocated.
  func take(_ string: UnsafeMutablePointer<CChar>?) -> String {
    guard let string else { return "" }
    defer { if let status = api.AllocatorFree(allocator, string) { api.ReleaseStatus(status) } }
    return String(cString: string)
  }
}
