/// What ONNX Runtime, or the attempt to load it, answered.
public struct OnnxError: Error, Sendable, CustomStringConvertible {
  /// OrtErrorCode; -1: the library itself could not be loaded.
  public var code: Int32
  public var message: String

  public init(code: Int32, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
