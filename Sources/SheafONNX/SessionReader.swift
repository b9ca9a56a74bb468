import COnnxRuntime

/// Reads what a session says of its model.
struct SessionReader {
  private let runtime: Runtime
  private let session: OpaquePointer
  private var functions: OrtFunctions { runtime.functions.pointee }

  init(_ runtime: Runtime, _ session: OpaquePointer) {
    self.runtime = runtime
    self.session = session
  }

  func inputs() throws -> [TensorInfo] {
    var count = 0
    try runtime.check(functions.SessionGetInputCount(session, &count))
    return try (0..<count).map { index in
      try info(
        name: text { functions.SessionGetInputName(session, index, $0, $1) }, { functions.SessionGetInputTypeInfo(session, index, $0) })
    }
  }

  func outputs() throws -> [TensorInfo] {
    var count = 0
    try runtime.check(functions.SessionGetOutputCount(session, &count))
    return try (0..<count).map { index in
      try info(
        name: text { functions.SessionGetOutputName(session, index, $0, $1) }, { functions.SessionGetOutputTypeInfo(session, index, $0) })
    }
  }

  private func info(name: String, _ read: (UnsafeMutablePointer<OpaquePointer?>) -> OpaquePointer?) throws -> TensorInfo {
    var info: OpaquePointer?
    try runtime.check(read(&info))
    defer { functions.ReleaseTypeInfo(info) }
    var tensor: OpaquePointer?
    try runtime.check(functions.CastTypeInfoToTensorInfo(info, &tensor))  // Belongs to `info`; nil where it is no tensor.
    guard let tensor else { return TensorInfo(name: name, type: .undefined, isTensor: false, shape: [], symbols: []) }
    var type: Int32 = 0, rank = 0
    try runtime.check(functions.GetTensorElementType(tensor, &type))
    try runtime.check(functions.GetDimensionsCount(tensor, &rank))
    var extents = [Int64](repeating: 0, count: rank)
    var names = [UnsafePointer<CChar>?](repeating: nil, count: rank)
    try runtime.check(functions.GetDimensions(tensor, &extents, rank))
    try runtime.check(functions.GetSymbolicDimensions(tensor, &names, rank))
    return TensorInfo(
      name: name, type: OnnxType(rawValue: type) ?? .undefined, isTensor: true, shape: extents.map { Int($0) }, symbols: names.map { $0.map { String(cString: $0) } ?? "" })
  }

  func metadata() throws -> ModelMetadata {
    var found: OpaquePointer?
    try runtime.check(functions.SessionGetModelMetadata(session, &found))
    defer { functions.ReleaseModelMetadata(found) }
    var metadata = ModelMetadata()
    metadata.producer = try text { functions.ModelMetadataGetProducerName(found, $0, $1) }
    metadata.graph = try text { functions.ModelMetadataGetGraphName(found, $0, $1) }
    metadata.domain = try text { functions.ModelMetadataGetDomain(found, $0, $1) }
    metadata.text = try text { functions.ModelMetadataGetDescription(found, $0, $1) }
    try runtime.check(functions.ModelMetadataGetVersion(found, &metadata.version))
    let allocator = try allocator()
    var keys: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    var count: Int64 = 0
    try runtime.check(functions.ModelMetadataGetCustomMetadataMapKeys(found, allocator, &keys, &count))
    for index in 0..<Int(count) {
      guard let key = keys?[index] else { continue }
      let value = try text { functions.ModelMetadataLookupCustomMetadataMap(found, $0, key, $1) }
      metadata.custom.append((String(cString: key), value))
      try runtime.check(functions.AllocatorFree(allocator, key))
    }
    if let keys { try runtime.check(functions.AllocatorFree(allocator, keys)) }
    metadata.custom.sort { $0.key < $1.key }
    return metadata
  }

  private func allocator() throws -> OpaquePointer {
    var allocator: OpaquePointer?
    try runtime.check(functions.GetAllocatorWithDefaultOptions(&allocator))
    return allocator!
  }

  /// A text that ONNX Runtime allocates and we free.
  private func text(_ read: (OpaquePointer, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> OpaquePointer?) throws -> String {
    let allocator = try allocator()
    var text: UnsafeMutablePointer<CChar>?
    try runtime.check(read(allocator, &text))
    guard let text else { return "" }
    defer { try? runtime.check(functions.AllocatorFree(allocator, text)) }
    return String(cString: text)
  }
}
