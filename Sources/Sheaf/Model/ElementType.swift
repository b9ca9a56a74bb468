/// Element types of tensors, by their Open Inference Protocol names.
public enum ElementType: String, Sendable, CaseIterable {
  case bool = "BOOL", uint8 = "UINT8", uint16 = "UINT16", uint32 = "UINT32", uint64 = "UINT64"
  case int8 = "INT8", int16 = "INT16", int32 = "INT32", int64 = "INT64"
  case float16 = "FP16", float32 = "FP32", float64 = "FP64"

  /// Bytes an element takes.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    }
  }
}
