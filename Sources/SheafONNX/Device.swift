/// Where a session runs, by the names of the configuration: `cpu`, `cuda:0`, `tensorrt:0`.
public enum Device: Hashable, Sendable, CustomStringConvertible {
  case cpu
  case cuda(Int)
  case tensorrt(Int)

  /// nil: not a device's name. The index may be left out: 0.
  public init?(_ name: String) {
    let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let index = parts.count == 1 ? 0 : Int(parts[1]), index >= 0 else { return nil }
    switch (parts[0], parts.count) {
    case ("cpu", 1): self = .cpu
    case ("cuda", _): self = .cuda(index)
    case ("tensorrt", _): self = .tensorrt(index)
    default: return nil
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    case .tensorrt(let index): "tensorrt:\(index)"
    }
  }
}
