import COnnxRuntime

/// Element types of tensors, with ONNX's numbers.
public enum TensorType: Int32, Sendable, CaseIterable {
  case float32 = 1, uint8, int8, uint16, int16, int32, int64, string, bool, float16, float64, uint32, uint64, complex64, complex128
  case bfloat16
}

/// One axis of an input or output as the model file declares it.
public enum Extent: Sendable, Hashable {
  case fixed(Int)
  /// Any extent; the name is empty where the file gives none.
  case symbolic(String)
}

/// An input or output of a model as its file declares it.
public struct TensorInfo: Sendable, Hashable {
  public var name: String
  /// `nil`: not a tensor (a sequence, a map), or of a type that ONNX Runtime has added since; `typeName` says which.
  public var type: TensorType?
  public var typeName: String
  public var shape: [Extent]

  public init(_ name: String, _ type: TensorType?, _ shape: [Extent], typeName: String? = nil) {
    self.name = name
    self.type = type
    self.typeName = typeName ?? type.map { "\($0)" } ?? "unknown"
    self.shape = shape
  }
}

extension Runtime {
  /// Reads what a session says about one of its inputs or outputs; takes over `info`.
  func read(_ name: String, _ info: OpaquePointer) throws(ONNXError) -> TensorInfo {
    defer { api.ReleaseTypeInfo(info) }
    var kind: Int32 = 0
    try api.check(api.GetOnnxTypeFromTypeInfo(info, &kind), "reading \(name)")
    guard kind == 1 else {
      let kinds = ["unknown", "tensor", "sequence", "map", "opaque", "sparse tensor", "optional"]
      return TensorInfo(name, nil, [], typeName: kinds.indices.contains(Int(kind)) ? kinds[Int(kind)] : "kind \(kind)")
    }
    var tensor: OpaquePointer?  // part of `info`
    try api.check(api.CastTypeInfoToTensorInfo(info, &tensor), "reading \(name)")
    var type: Int32 = 0
    var rank = 0
    try api.check(api.GetTensorElementType(tensor, &type), "reading \(name)")
    try api.check(api.GetDimensionsCount(tensor, &rank), "reading \(name)")
    var extents = [Int64](repeating: 0, count: rank)
    var names = [UnsafePointer<CChar>?](repeating: nil, count: rank)  // part of `info`
    try api.check(api.GetDimensions(tensor, &extents, rank), "reading \(name)")
    try api.check(api.GetSymbolicDimensions(tensor, &names, rank), "reading \(name)")
    let shape = (0..<rank).map { axis in
      extents[axis] >= 0 ? Extent.fixed(Int(extents[axis])) : .symbolic(names[axis].map { String(cString: $0) } ?? "")
    }
    return TensorInfo(name, TensorType(rawValue: type), shape, typeName: TensorType(rawValue: type).map { "\($0)" } ?? "type \(type)")
  }
}
