import COnnxRuntime

/// What a model file says about itself.
public struct ModelMetadata: Sendable, Hashable {
  public var producer = ""
  public var graph = ""
  public var domain = ""
  public var description = ""
  public var version: Int64 = 0
  /// Free entries of whoever made the file.
  public var entries: [String: String] = [:]

  public init() {}

  init(_ runtime: Runtime, _ session: OpaquePointer) throws(ONNXError) {
    let api = runtime.api
    var pointer: OpaquePointer?
    try api.check(api.SessionGetModelMetadata(session, &pointer), "reading metadata")
    guard let metadata = pointer else { return }
    defer { api.ReleaseModelMetadata(metadata) }
    typealias Get = @convention(c) (OpaquePointer?, OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> OpaquePointer?
    func text(_ get: Get) throws(ONNXError) -> String {
      var string: UnsafeMutablePointer<CChar>?
      try api.check(get(metadata, runtime.allocator, &string), "reading metadata")
      return runtime.take(string)
    }
    producer = try text(api.ModelMetadataGetProducerName)
    graph = try text(api.ModelMetadataGetGraphName)
    domain = try text(api.ModelMetadataGetDomain)
    description = try text(api.ModelMetadataGetDescription)
    try api.check(api.ModelMetadataGetVersion(metadata, &version), "reading metadata")

    var keys: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    var count: Int64 = 0
    try api.check(api.ModelMetadataGetCustomMetadataMapKeys(metadata, runtime.allocator, &keys, &count), "reading metadata")
    guard let keys else { return }
    defer { if let status = api.AllocatorFree(runtime.allocator, keys) { api.ReleaseStatus(status) } }
    for index in 0..<Int(count) {
      let key = runtime.take(keys[index])
      var value: UnsafeMutablePointer<CChar>?
      try api.check(api.ModelMetadataLookupCustomMetadataMap(metadata, runtime.allocator, key, &value), "reading metadata")
      entries[key] = runtime.take(value)
    }
  }
}
