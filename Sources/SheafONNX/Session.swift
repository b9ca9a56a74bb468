import COnnxRuntime
import Glibc

/// A model file loaded onto a device. `Runner`s of several threads may run on it at once; weights are shared.
public final class Session: @unchecked Sendable {  // unchecked: C pointers that are set once; Run is thread-safe
  public struct Options: Sendable, Hashable {
    public var provider: Provider
    /// Threads one run is spread over, the caller's included; 1 and more. ONNX Runtime's own default counts the host's cores, blind
    /// to quotas, so there is none here: 1.
    public var intraOpThreads: Int
    /// Whether idle threads of the pool spin instead of sleeping: faster alone, and takes the core from whoever needs it.
    public var spinning: Bool
    /// Plans memory by shape: for models that are always run with the same shapes.
    public var memoryPattern: Bool
    /// Permits single nodes on the CPU where `provider` is a device; refused unless set. (On CUDA, ONNX Runtime itself puts nodes
    /// that compute shapes there.) A device that cannot be had is an error either way.
    public var allowCPUNodes: Bool
    /// Further settings of the provider, by ONNX Runtime's names (`gpu_mem_limit`, `trt_engine_cache_path`, …).
    public var providerOptions: [String: String]

    public init(
      provider: Provider = .cpu, intraOpThreads: Int = 1, spinning: Bool = false, memoryPattern: Bool = false,
      allowCPUNodes: Bool = false, providerOptions: [String: String] = [:]
    ) {
      self.provider = provider
      self.intraOpThreads = intraOpThreads
      self.spinning = spinning
      self.memoryPattern = memoryPattern
      self.allowCPUNodes = allowCPUNodes
      self.providerOptions = providerOptions
    }
  }

  public let runtime: Runtime
  public let path: String
  public let options: Options
  public let inputs: [TensorInfo]
  public let outputs: [TensorInfo]
  public let metadata: ModelMetadata
  let pointer: OpaquePointer

  /// Loads and optimises the model (seconds for large ones).
  /// - Throws: no such file, not an ONNX model, an operator that is not supported, or a device that cannot be had.
  public init(_ runtime: Runtime, path: String, options: Options = .init()) throws(ONNXError) {
    let doing = "loading \(path)"
    guard access(path, R_OK) == 0 else {
      throw ONNXError(doing, String(cString: strerror(errno)), code: .noSuchFile, fix: "the path has to name a readable ONNX file")
    }
    let api = runtime.api
    var settings: OpaquePointer?
    try api.check(api.CreateSessionOptions(&settings), doing)
    guard let settings else { throw ONNXError(doing, "no session options") }
    defer { api.ReleaseSessionOptions(settings) }
    try api.check(api.SetSessionGraphOptimizationLevel(settings, 99), doing)  // all
    try api.check(api.SetIntraOpNumThreads(settings, Int32(max(1, options.intraOpThreads))), doing)
    try api.check(api.SetInterOpNumThreads(settings, 1), doing)
    if !options.memoryPattern { try api.check(api.DisableMemPattern(settings), doing) }
    let spinning = options.spinning ? "1" : "0"
    try api.check(api.AddSessionConfigEntry(settings, "session.intra_op.allow_spinning", spinning), doing)
    try api.check(api.AddSessionConfigEntry(settings, "session.inter_op.allow_spinning", spinning), doing)
    do { try runtime.append(options.provider, options.providerOptions, to: settings) } catch { throw error.explained(runtime) }
    if options.provider != .cpu, !options.allowCPUNodes {
      try api.check(api.AddSessionConfigEntry(settings, "session.disable_cpu_ep_fallback", "1"), doing)
    }
    let place = options.provider == .cpu ? doing : "\(doing) onto \(options.provider)"
    var created: OpaquePointer?
    do { try api.check(api.CreateSession(runtime.environment, path, settings, &created), place) } catch { throw error.explained(runtime) }
    guard let session = created else { throw ONNXError(place, "no session") }
    do {
      inputs = try Session.list(runtime, session, api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo)
      outputs = try Session.list(runtime, session, api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo)
      metadata = try ModelMetadata(runtime, session)
    } catch {
      api.ReleaseSession(session)
      throw error
    }
    self.runtime = runtime
    self.path = path
    self.options = options
    pointer = session
  }

  deinit { runtime.api.ReleaseSession(pointer) }

  private static func list(
    _ runtime: Runtime, _ session: OpaquePointer,
    _ count: @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int>?) -> OpaquePointer?,
    _ name: @convention(c) (OpaquePointer?, Int, OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> OpaquePointer?,
    _ info: @convention(c) (OpaquePointer?, Int, UnsafeMutablePointer<OpaquePointer?>?) -> OpaquePointer?
  ) throws(ONNXError) -> [TensorInfo] {
    var number = 0
    try runtime.api.check(count(session, &number), "listing inputs and outputs")
    var list: [TensorInfo] = []
    for index in 0..<number {
      var text: UnsafeMutablePointer<CChar>?
      try runtime.api.check(name(session, index, runtime.allocator, &text), "listing inputs and outputs")
      let title = runtime.take(text)
      var type: OpaquePointer?
      try runtime.api.check(info(session, index, &type), "reading \(title)")
      guard let type else { throw ONNXError("reading \(title)", "no type") }
      list.append(try runtime.read(title, type))
    }
    return list
  }
}
