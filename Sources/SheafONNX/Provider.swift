import COnnxRuntime
import Glibc

/// What a session computes on.
public enum Provider: Sendable, Hashable, CustomStringConvertible {
  case cpu
  case cuda(Int)
  /// TensorRT, and CUDA for the nodes it leaves.
  case tensorRT(Int)

  /// Reads `cpu`, `cuda:N` or `tensorrt:N`; N is a device number from 0, and 0 where left out.
  public init(_ name: String) throws(ONNXError) {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    let device = parts.count == 2 ? Int(parts[1]) : parts.count == 1 ? 0 : nil
    switch (parts.first ?? "", device) {
    case ("cpu", 0?) where parts.count == 1: self = .cpu
    case ("cuda", let device?) where device >= 0: self = .cuda(device)
    case ("tensorrt", let device?) where device >= 0: self = .tensorRT(device)
    default: throw ONNXError("device \(name)", "not a device", fix: "one of cpu, cuda:N, tensorrt:N, with a number from 0")
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let device): "cuda:\(device)"
    case .tensorRT(let device): "tensorrt:\(device)"
    }
  }

  /// ONNX Runtime's name.
  var runtimeName: String {
    switch self {
    case .cpu: "CPUExecutionProvider"
    case .cuda: "CUDAExecutionProvider"
    case .tensorRT: "TensorrtExecutionProvider"
    }
  }
}

extension Runtime {
  /// Adds a provider to session options. Where it cannot be had this throws, with the reason: a session whose provider failed to be
  /// added would silently compute on the CPU.
  func append(_ provider: Provider, _ extra: [String: String], to options: OpaquePointer) throws(ONNXError) {
    if provider == .cpu { return }  // implied, and must not be added where falling back to it is refused
    guard providers.contains(provider.runtimeName) else {
      throw ONNXError(
        "device \(provider)", "ONNX Runtime \(version) at \(path) was built without \(provider.runtimeName); it has \(providers.joined(separator: ", "))",
        fix: "use the library of the onnxruntime-gpu wheel, with its libonnxruntime_providers_*.so beside it, or device cpu")
    }
    switch provider {
    case .cpu: break
    case .cuda(let device): try appendCUDA(device, extra, to: options)
    case .tensorRT(let device):
      try appendTensorRT(device, extra, to: options)
      try appendCUDA(device, [:], to: options)
    }
  }

  private func appendCUDA(_ device: Int, _ extra: [String: String], to options: OpaquePointer) throws(ONNXError) {
    let settings = [
      "device_id": "\(device)",
      "arena_extend_strategy": "kSameAsRequested",  // the default doubles, and never gives back
      "cudnn_conv_algo_search": "HEURISTIC",  // the default tries every algorithm at each new shape
      "use_tf32": "0",  // 10 bits of mantissa are more than float rounding
    ].merging(extra) { $1 }
    let doing = "device cuda:\(device)"
    var cuda: OpaquePointer?
    try api.check(api.CreateCUDAProviderOptions(&cuda), doing)
    guard let cuda else { throw ONNXError(doing, "no options: the provider is not there") }
    defer { api.ReleaseCUDAProviderOptions(cuda) }
    // A library that is missing shows here with its name; the append would only say that a shared library failed to load.
    try api.check(withPairs(settings) { api.UpdateCUDAProviderOptions(cuda, $0, $1, $2) }, doing)
    try api.check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda), doing)
  }

  private func appendTensorRT(_ device: Int, _ extra: [String: String], to options: OpaquePointer) throws(ONNXError) {
    let doing = "device tensorrt:\(device)"
    var tensorRT: OpaquePointer?
    try api.check(api.CreateTensorRTProviderOptions(&tensorRT), doing)
    guard let tensorRT else { throw ONNXError(doing, "no options: the provider is not there") }
    defer { api.ReleaseTensorRTProviderOptions(tensorRT) }
    let settings = ["device_id": "\(device)"].merging(extra) { $1 }
    try api.check(withPairs(settings) { api.UpdateTensorRTProviderOptions(tensorRT, $0, $1, $2) }, doing)
    try api.check(api.SessionOptionsAppendExecutionProvider_TensorRT_V2(options, tensorRT), doing)
  }

  /// Hands C the keys and values of a dictionary, valid during the call.
  private func withPairs(
    _ pairs: [String: String], _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>, Int) -> OpaquePointer?
  ) -> OpaquePointer? {
    let keys = pairs.keys.map { UnsafePointer<CChar>(strdup($0)) }
    let values = pairs.values.map { UnsafePointer<CChar>(strdup($0)) }
    defer { for string in keys + values { free(UnsafeMutablePointer(mutating: string)) } }
    return body(keys, values, pairs.count)
  }
}

extension ONNXError {
  /// Adds what to do about the failures of loading that people meet.
  func explained(_ runtime: Runtime) -> ONNXError {
    guard fix == nil else { return self }
    var error = self
    if message.contains("fallback to CPU EP has been explicitly disabled") {
      error.fix = "some of its nodes would run on the CPU: permit that (allowCPUNodes), or use device cpu"
    } else if message.contains("Failed to load library") {
      error.fix = "what it names has to be on the library path (LD_LIBRARY_PATH), the provider's libraries beside \(runtime.path); or use device cpu"
    } else if message.contains("CUDA failure") || message.contains("CUDA error") || message.contains("device_id") {
      error.fix = "check the driver and the device number (nvidia-smi), or use device cpu"
    }
    return error
  }
}
