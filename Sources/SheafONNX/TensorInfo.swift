/// ONNX's element types, by ONNX Runtime's numbers.
public enum OnnxType: Int32, Sendable, CaseIterable {
  case undefined = 0, float, uint8, int8, uint16, int16, int32, int64, string, bool, float16, double, uint32, uint64, complex64, complex128, bfloat16
}

/// An input or output as the model file declares it.
public struct TensorInfo: Sendable, Hashable {
  public var name: String
  public var type: OnnxType
  /// False: a sequence, a map or an optional, which have no element type or shape.
  public var isTensor: Bool
  /// Extents; -1: any.
  public var shape: [Int]
  /// Names of the extents that are any; "" where there is none.
  public var symbols: [String]
}

/// What a model file says of itself.
public struct ModelMetadata: Sendable {
  public var producer = ""
  public var graph = ""
  public var domain = ""
  public var text = ""
  public var version: Int64 = 0
  public var custom: [(key: String, value: String)] = []
}
