import COnnxRuntime

/// What a session is to be like.
public struct SessionOptions: Sendable, Hashable {
  public var device: Device
  /// Threads of one run on the CPU; 1 and more. ONNX Runtime's own default counts the host's cores, blind to a container's quota.
  public var intraOpThreads: Int
  /// Threads wait for work by spinning, which takes the processor from other threads. Default false.
  public var spins: Bool

  public init(device: Device = .cpu, intraOpThreads: Int = 1, spins: Bool = false) {
    self.device = device
    self.intraOpThreads = intraOpThreads
    self.spins = spins
  }
}

/// A loaded model. `run` may be called by several threads at once.
public final class Session: @unchecked Sendable {  // Set once in init; ONNX Runtime's sessions are thread-safe.
  public let runtime: Runtime
  public let path: String
  public let options: SessionOptions
  public let inputs: [TensorInfo]
  public let outputs: [TensorInfo]
  public let metadata: ModelMetadata
  private let session: OpaquePointer
  private let memory: OpaquePointer
  private let inputNames: UnsafeMutablePointer<UnsafePointer<CChar>?>
  private let outputNames: UnsafeMutablePointer<UnsafePointer<CChar>?>

  /// Loads a model file.
  /// - Throws: `OnnxError` where the file cannot be read or is not a model, or where the device asked for cannot be had: then the
  ///   CPU is not taken in its stead.
  public init(_ runtime: Runtime, path: String, options: SessionOptions = .init()) throws {
    let functions = runtime.functions.pointee
    var made: OpaquePointer?
    try runtime.check(functions.CreateSessionOptions(&made))
    let settings = made!
    defer { functions.ReleaseSessionOptions(settings) }
    try runtime.check(functions.SetSessionGraphOptimizationLevel(settings, 99))  // All.
    try runtime.check(functions.SetIntraOpNumThreads(settings, Int32(options.intraOpThreads)))
    try runtime.check(functions.SetInterOpNumThreads(settings, 1))
    // Remembered allocations of every shape: with changing shapes it costs memory (709 against 467 MB) and gains nothing.
    try runtime.check(functions.DisableMemPattern(settings))
    try runtime.check(functions.AddSessionConfigEntry(settings, "session.intra_op.allow_spinning", options.spins ? "1" : "0"))
    try appendProvider(runtime, settings, options.device)
    var session: OpaquePointer?
    do {
      try runtime.check(functions.CreateSession(runtime.environment, path, settings, &session))
    } catch let error as OnnxError {
      throw OnnxError(code: error.code, message: "\(path) on \(options.device): \(error.message)")
    }
    self.session = session!
    self.runtime = runtime
    self.path = path
    self.options = options
    var memory: OpaquePointer?
    try runtime.check(functions.CreateCpuMemoryInfo(1, 0, &memory))  // Arena allocator, default memory.
    self.memory = memory!
    let reader = SessionReader(runtime, session!)
    inputs = try reader.inputs()
    outputs = try reader.outputs()
    metadata = try reader.metadata()
    inputNames = cStrings(inputs.map(\.name))
    outputNames = cStrings(outputs.map(\.name))
  }

  deinit {
    let functions = runtime.functions.pointee
    functions.ReleaseMemoryInfo(memory)
    functions.ReleaseSession(session)
    freeCStrings(inputNames, inputs.count)
    freeCStrings(outputNames, outputs.count)
  }

  /// Memory that a run reads an input from; the caller's, until the run ends.
  public struct Input {
    public var data: UnsafeRawBufferPointer
    public var shape: [Int]
    public init(data: UnsafeRawBufferPointer, shape: [Int]) {
      self.data = data
      self.shape = shape
    }
  }

  /// Runs the model on one tensor per input, in the session's order, all in host memory.
  /// - Parameter outputs: indices of the outputs wanted.
  /// - Returns: those outputs, in host memory that lives as long as they do.
  public func run(_ values: [Input], outputs wanted: [Int]) throws -> [Output] {
    let functions = runtime.functions.pointee
    var given: [OpaquePointer?] = []
    defer { for value in given { functions.ReleaseValue(value) } }
    for (value, info) in zip(values, inputs) {
      var made: OpaquePointer?
      let shape = value.shape.map { Int64($0) }
      // ONNX Runtime takes input memory as mutable, and does not write to it.
      try runtime.check(functions.CreateTensorWithDataAsOrtValue(
        memory, UnsafeMutableRawPointer(mutating: value.data.baseAddress), value.data.count, shape, shape.count, info.type.rawValue, &made))
      given.append(made)
    }
    var names = wanted.map { outputNames[$0] }
    var results = [OpaquePointer?](repeating: nil, count: wanted.count)
    do {
      try runtime.check(functions.Run(session, nil, inputNames, given, given.count, &names, names.count, &results))
      return try results.enumerated().map { try Output(runtime, results[$0.offset]!, outputs[wanted[$0.offset]]) }
    } catch {
      for result in results { functions.ReleaseValue(result) }
      throw error
    }
  }
}

/// A result of a run; owns its memory.
public final class Output {
  public let data: UnsafeRawPointer
  public let shape: [Int]
  private let runtime: Runtime
  private let value: OpaquePointer

  /// Takes the value over once nothing throws any more.
  fileprivate init(_ runtime: Runtime, _ value: OpaquePointer, _ info: TensorInfo) throws {
    let functions = runtime.functions.pointee
    var shapeInfo: OpaquePointer?
    try runtime.check(functions.GetTensorTypeAndShape(value, &shapeInfo))
    defer { functions.ReleaseTensorTypeAndShapeInfo(shapeInfo) }
    var rank = 0
    try runtime.check(functions.GetDimensionsCount(shapeInfo, &rank))
    var extents = [Int64](repeating: 0, count: rank)
    try runtime.check(functions.GetDimensions(shapeInfo, &extents, rank))
    var data: UnsafeMutableRawPointer?
    try runtime.check(functions.GetTensorMutableData(value, &data))
    shape = extents.map { Int($0) }
    // An empty tensor may have no memory; nobody reads it.
    self.data = UnsafeRawPointer(data ?? UnsafeMutableRawPointer(bitPattern: 64)!)
    self.runtime = runtime
    self.value = value
  }

  deinit { runtime.functions.pointee.ReleaseValue(value) }
}

/// Makes the session run on a device. For anything but the CPU, nodes that the device cannot take are refused at load instead of
/// running on the CPU in silence.
private func appendProvider(_ runtime: Runtime, _ settings: OpaquePointer, _ device: Device) throws {
  let functions = runtime.functions.pointee
  guard device != .cpu else { return }
  try runtime.check(functions.AddSessionConfigEntry(settings, "session.disable_cpu_ep_fallback", "1"))
  var problems: [String] = []
  func attempt(_ body: () throws -> Void) { do { try body() } catch { problems.append("\(error)") } }
  func withOption(_ index: Int, _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) throws -> Void) throws {
    let keys = cStrings(["device_id"]), values = cStrings([String(index)])
    defer {
      freeCStrings(keys, 1)
      freeCStrings(values, 1)
    }
    try body(keys, values)
  }
  switch device {
  case .cpu: break
  case .cuda(let index):
    var options: OpaquePointer?
    attempt { try runtime.check(functions.CreateCUDAProviderOptions(&options)) }
    guard let options else { break }
    defer { functions.ReleaseCUDAProviderOptions(options) }
    // Where a library is missing, this call names it; the append below only says that loading failed.
    attempt { try withOption(index) { try runtime.check(functions.UpdateCUDAProviderOptions(options, $0, $1, 1)) } }
    if problems.isEmpty { attempt { try runtime.check(functions.SessionOptionsAppendExecutionProvider_CUDA_V2(settings, options)) } }
  case .tensorrt(let index):
    var options: OpaquePointer?
    attempt { try runtime.check(functions.CreateTensorRTProviderOptions(&options)) }
    guard let options else { break }
    defer { functions.ReleaseTensorRTProviderOptions(options) }
    attempt { try withOption(index) { try runtime.check(functions.UpdateTensorRTProviderOptions(options, $0, $1, 1)) } }
    if problems.isEmpty { attempt { try runtime.check(functions.SessionOptionsAppendExecutionProvider_TensorRT_V2(settings, options)) } }
  }
  if !problems.isEmpty {
    throw OnnxError(code: -1, message: "\(device) cannot be used with \(runtime.path): \(problems.joined(separator: "; ")); install what is missing, or set devices to cpu")
  }
}
