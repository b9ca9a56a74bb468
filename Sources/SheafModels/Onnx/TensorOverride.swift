import Sheaf
import SheafONNX

/// What is said about one input or output instead of being found out; `nil` fields are found out.
public struct TensorOverride: Sendable, Hashable {
  /// The axis along which rows are stacked.
  public var batchAxis: Int?
  /// It has no batch axis: all rows share it.
  public var shared: Bool
  /// The axis that is padded. With it, or with `padValue`, the model is trusted to tell padding apart without a mask.
  public var padAxis: Int?
  public var padValue: Double?
  /// It is 1 where the named input has an element and 0 where that is padded.
  public var mask: String?
  /// It is this value throughout.
  public var constant: Double?

  public init(
    batchAxis: Int? = nil, shared: Bool = false, padAxis: Int? = nil, padValue: Double? = nil, mask: String? = nil, constant: Double? = nil
  ) {
    self.batchAxis = batchAxis
    self.shared = shared
    self.padAxis = padAxis
    self.padValue = padValue
    self.mask = mask
    self.constant = constant
  }

  /// Refuses what does not fit the tensor it is said of.
  /// - Throws: `ConfigurationError`, the first by name.
  static func check(_ overrides: [String: TensorOverride], _ inputs: [TensorInfo], _ outputs: [TensorInfo], _ path: String) throws {
    for (name, override) in overrides.sorted(by: { $0.key < $1.key }) {
      guard let tensor = (inputs + outputs).first(where: { $0.name == name }) else {
        throw refused(path, "there is no input or output \(name)", "it has \((inputs + outputs).map(\.name).joined(separator: ", "))")
      }
      func wrong(_ key: String, _ value: String, _ problem: String, _ fix: String) -> ConfigurationError {
        ConfigurationError(key: "models.inputs.\(name).\(key)", value: value, problem: problem, fix: fix)
      }
      let isInput = inputs.contains { $0.name == name }
      for (key, axis) in [("batchAxis", override.batchAxis), ("padAxis", override.padAxis)] {
        // Of an output the rank may be known only once it runs.
        guard let axis, isInput || !tensor.shape.isEmpty, !tensor.shape.indices.contains(axis) else { continue }
        throw wrong(key, "\(axis)", "\(name) has no such axis", tensor.shape.isEmpty ? "it has no axes" : "its axes are 0 to \(tensor.shape.count - 1)")
      }
      if let axis = override.batchAxis, axis == override.padAxis { throw wrong("padAxis", "\(axis)", "is the axis that rows are stacked along", "name another, or leave it out") }
      if override.shared, let axis = override.batchAxis { throw wrong("batchAxis", "\(axis)", "contradicts shared: true", "set one of them") }
      if !isInput {
        for (key, isSet) in [("padAxis", override.padAxis != nil), ("padValue", override.padValue != nil), ("mask", override.mask != nil), ("constant", override.constant != nil)] where isSet {
          throw wrong(key, "", "\(name) is an output", "it is for inputs: \(inputs.map(\.name).joined(separator: ", "))")
        }
      }
      guard isInput, let type = ElementType(tensor.type) else { continue }
      for (key, value) in [("padValue", override.padValue), ("constant", override.constant)] {
        if let value, !type.holds(value) { throw wrong(key, "\(value)", "\(name) is of \(type.rawValue), which has no such value", "set one that it has") }
      }
      if let masked = override.mask {
        guard let of = inputs.first(where: { $0.name == masked }) else { throw wrong("mask", masked, "is no input", "inputs are \(inputs.map(\.name).joined(separator: ", "))") }
        if masked == name { throw wrong("mask", masked, "an input cannot mask itself", "name another") }
        if type == .bytes || tensor.shape.count > of.shape.count { throw wrong("mask", masked, "\(name), \(type.rawValue) of \(tensor.shape.count) axes, cannot mask \(masked) of \(of.shape.count)", "leave it out") }
        if override.constant != nil { throw wrong("mask", masked, "contradicts constant", "set one of them") }
      }
    }
  }
}

extension ElementType {
  /// Whether the type has exactly this value (of floats: about it).
  func holds(_ value: Double) -> Bool {
    func whole<T: FixedWidthInteger>(_: T.Type) -> Bool { T(exactly: value) != nil }
    return switch self {
    case .bool: value == 0 || value == 1
    case .uint8: whole(UInt8.self)
    case .uint16: whole(UInt16.self)
    case .uint32: whole(UInt32.self)
    case .uint64: whole(UInt64.self)
    case .int8: whole(Int8.self)
    case .int16: whole(Int16.self)
    case .int32: whole(Int32.self)
    case .int64: whole(Int64.self)
    case .float16: value.isFinite && abs(value) <= 65504
    case .float32: value.isFinite && abs(value) <= Double(Float.greatestFiniteMagnitude)
    case .float64: value.isFinite
    case .bytes: false
    }
  }
}
