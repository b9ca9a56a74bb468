import Sheaf
import SheafONNX

extension ElementType {
  /// `nil` where the Open Inference Protocol has no such type here (strings, complex numbers, bfloat16, not a tensor).
  init?(_ type: TensorType?) {
    switch type {
    case .bool: self = .bool
    case .uint8: self = .uint8
    case .uint16: self = .uint16
    case .uint32: self = .uint32
    case .uint64: self = .uint64
    case .int8: self = .int8
    case .int16: self = .int16
    case .int32: self = .int32
    case .int64: self = .int64
    case .float16: self = .float16
    case .float32: self = .float32
    case .float64: self = .float64
    case .string: self = .bytes
    case .complex64, .complex128, .bfloat16, nil: return nil
    }
  }

  /// ONNX's counterpart.
  var tensorType: TensorType {
    switch self {
    case .bool: .bool
    case .uint8: .uint8
    case .uint16: .uint16
    case .uint32: .uint32
    case .uint64: .uint64
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .float16: .float16
    case .float32: .float32
    case .float64: .float64
    case .bytes: .string
    }
  }
}
