/// Element types of tensors, by their Open Inference Protocol names.
public enum ElementType: String, Sendable, CaseIterable {
  case bool = "BOOL", uint8 = "UINT8", uint16 = "UINT16", uint32 = "UINT32", uint64 = "UINT64"
  case int8 = "INT8", int16 = "INT16", int32 = "INT32", int64 = "INT64"
  case float16 = "FP16", float32 = "FP32", float64 = "FP64"
  /// Strings: elements of any length. In memory each is its length in four bytes, little-endian, and then itself, as the protocol's
  /// binary form has it.
  case bytes = "BYTES"

  /// Bytes an element takes; 0 for `bytes`, whose elements have lengths of their own.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .bytes: 0
    }
  }

  public var isInteger: Bool {
    switch self {
    case .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64: true
    case .bool, .float16, .float32, .float64, .bytes: false
    }
  }

  public var isFloat: Bool { self == .float16 || self == .float32 || self == .float64 }
}
