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
  /// `nil`: not a tensor (a sequence, an optional), or of a type that ONNX Runtime has added since; `typeName` says which. Of a sequence of
  /// maps, one for each row, as scikit-learn's converter writes probabilities (ZipMap): the type of the maps' values.
  public var type: TensorType?
  /// It is a sequence of maps: the type of their keys, whole numbers or strings.
  public var mapKey: TensorType?
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
    if kind == 2, let (key, value) = try readMaps(info, name) {
      var maps = TensorInfo(name, value, [.symbolic(""), .symbolic("")], typeName: "sequence of maps from \(key) to \(value)")
      maps.mapKey = key
      return maps
    }
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

  /// Key and value types of a sequence of maps from whole numbers or strings to floats; `nil`: it is another sequence.
  private func readMaps(_ info: OpaquePointer, _ name: String) throws(ONNXError) -> (key: TensorType, value: TensorType)? {
    let doing = "reading \(name)"
    var sequence, map: OpaquePointer?  // Parts of what they are read from.
    var element, value: OpaquePointer?
    try api.check(api.CastTypeInfoToSequenceTypeInfo(info, &sequence), doing)
    try api.check(api.GetSequenceElementType(sequence, &element), doing)
    guard let element else { return nil }
    defer { api.ReleaseTypeInfo(element) }
    try api.check(api.CastTypeInfoToMapTypeInfo(element, &map), doing)
    guard let map else { return nil }
    var key: Int32 = 0
    try api.check(api.GetMapKeyType(map, &key), doing)
    try api.check(api.GetMapValueType(map, &value), doing)
    guard let value else { return nil }
    let values = try read(name, value)
    guard let keyType = TensorType(rawValue: key), keyType == .int64 || keyType == .string, values.shape.isEmpty, let type = values.type, type == .float32 || type == .float64 else { return nil }
    return (keyType, type)
  }
}
