import COnnxRuntime

/// An error of ONNX Runtime, or of getting to it.
public struct ONNXError: Error, Sendable, Hashable, CustomStringConvertible {
  /// ONNX Runtime's own codes.
  public enum Code: Int32, Sendable, CaseIterable {
    case fail = 1
    case invalidArgument, noSuchFile, noModel, engineError, runtimeException, invalidProtobuf, modelLoaded, notImplemented
    case invalidGraph, providerFailed, loadCancelled, needsCompilation, notFound
  }
  /// `nil`: found by us, before ONNX Runtime was asked, or a code newer than this list.
  public var code: Code?
  /// What was tried, with the file or device it was tried on.
  public var doing: String
  /// ONNX Runtime's message, or ours.
  public var message: String
  /// What to do about it, where that is known.
  public var fix: String?

  public init(_ doing: String, _ message: String, code: Code? = nil, fix: String? = nil) {
    self.code = code
    self.doing = doing
    self.message = message
    self.fix = fix
  }

  public var description: String {
    var text = "\(doing): \(message)"
    if let code { text += " (ONNX Runtime: \(code))" }
    if let fix { text += "; \(fix)" }
    return text
  }

  /// Memory ran out: a smaller batch may pass. ONNX Runtime has no code for it, so its words are searched.
  public var isOutOfMemory: Bool {
    ["Failed to allocate memory", "out of memory", "bad_alloc", "CUDA failure 2:", "cudaErrorMemoryAllocation"].contains { message.contains($0) }
  }

  /// The device is gone for this process: no later run can succeed (CUDA's sticky errors: illegal address, launch failure,
  /// uncorrectable memory error, device unavailable or lost). CUDA's number or its name is in the message.
  public var isDeviceLost: Bool {
    let numbers = [46, 214, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719].map { "CUDA failure \($0):" }
    let names = [
      "DevicesUnavailable", "ECCUncorrectable", "IllegalAddress", "LaunchTimeout", "ContextIsDestroyed", "Assert", "HardwareStackError",
      "IllegalInstruction", "MisalignedAddress", "InvalidAddressSpace", "InvalidPc", "LaunchFailure",
    ].map { "cudaError\($0)" }
    return (numbers + names).contains { message.contains($0) }
  }

  /// ONNX Runtime's message without the place in its source, which it puts before "[ONNXRuntimeError] : 1 : FAIL : ".
  static func plain(_ message: String) -> String {
    var words = message.split(whereSeparator: \.isWhitespace)
    if let mark = words.lastIndex(of: "[ONNXRuntimeError]"), mark + 5 < words.count, words[mark + 1] == ":", words[mark + 3] == ":" {
      words.removeFirst(mark + 6)
    }
    return words.joined(separator: " ")
  }
}

extension OrtFunctions {
  /// Turns a status into an error and releases it; NULL is success.
  func check(_ status: OpaquePointer?, _ doing: @autoclosure () -> String) throws(ONNXError) {
    guard let status else { return }
    defer { ReleaseStatus(status) }
    throw ONNXError(
      doing(), GetErrorMessage(status).map { ONNXError.plain(String(cString: $0)) } ?? "", code: ONNXError.Code(rawValue: GetErrorCode(status)))
  }
}
