/// Which GPU, by NVML's names, is CUDA's device N. Pure.
enum VisibleDevice: Equatable {
  case index(Int)
  /// "GPU-…" or "MIG-…", in full.
  case uuid(String)

  /// - Parameter variable: CUDA_VISIBLE_DEVICES; its devices are CUDA's 0, 1, … up to the first that is none.
  /// - Returns: `nil`: CUDA has no such device.
  static func find(_ device: Int, variable: String?) -> VisibleDevice? {
    guard device >= 0 else { return nil }
    guard let variable else { return .index(device) }
    let names = variable.split(separator: ",", omittingEmptySubsequences: false).map { String($0.drop(while: \.isWhitespace).prefix { !$0.isWhitespace }) }
    guard device < names.count else { return nil }
    let devices = names[...device].map(VisibleDevice.init)
    return devices.contains(nil) ? nil : devices[device]
  }

  private init?(_ name: String) {
    if name.hasPrefix("GPU-") || name.hasPrefix("MIG-") { self = .uuid(name) } else if let index = Int(name), index >= 0 { self = .index(index) } else { return nil }
  }
}
