import Sheaf
import SheafONNX

/// Works out from the declared shapes how rows become a batch. Pure: no file, no runtime.
///
/// When in doubt a model gets `maxRows` 1, which is always right; `notes` say why, and an override lifts it.
struct BatchContract {
  var inputs: [TensorSpec] = []
  var outputs: [TensorSpec] = []
  var maxRows: Int?
  /// Why the model is not batched, or what was assumed, one sentence each.
  var notes: [String] = []

  /// - Throws: `ConfigurationError` where an input or output has a type that no request can carry, or an override fits nothing.
  init(inputs: [TensorInfo], outputs: [TensorInfo], overrides: [String: TensorOverride], path: String) throws {
    let all = inputs + outputs
    for (name, override) in overrides {
      guard let tensor = all.first(where: { $0.name == name }) else {
        throw refused(path, "there is no input or output \(name)", "it has \(all.map(\.name).joined(separator: ", "))")
      }
      for axis in [override.batchAxis, override.padAxis].compactMap({ $0 }) where !tensor.shape.indices.contains(axis) {
        throw refused(path, "\(name) has no axis \(axis)", "its axes are 0 to \(tensor.shape.count - 1)")
      }
      if let masked = override.mask, !inputs.contains(where: { $0.name == masked }) {
        throw refused(path, "\(name) is to be the mask of \(masked), which is no input", "inputs are \(inputs.map(\.name).joined(separator: ", "))")
      }
    }
    let batch = BatchContract.batchSymbol(inputs, outputs)
    let sources = BatchContract.sources(inputs, overrides)
    var batchAxes = all.map { BatchContract.batchAxis(of: $0, batch, overrides[$0.name]) }

    // Nothing symbolic to stack along: leading extents of 1 are the rows' axis of a batch of one.
    if batchAxes.allSatisfy({ $0 == nil }), !all.isEmpty {
      maxRows = 1
      for index in all.indices where all[index].shape.first == .fixed(1) && overrides[all[index].name]?.shared != true { batchAxes[index] = 0 }
      notes.append("no axis of any extent is shared by inputs and outputs to stack rows along")
    }
    let pad = BatchContract.padSymbol(inputs, batchAxes, overrides)
    self.inputs = try inputs.indices.map { index in
      try BatchContract.spec(inputs[index], batchAxes[index], pad, sources[index], overrides[inputs[index].name], path)
    }
    self.outputs = try outputs.indices.map { index in
      try BatchContract.spec(outputs[index], batchAxes[inputs.count + index], pad, .request, overrides[outputs[index].name], path)
    }
    if maxRows == nil { limit(overrides) }
  }

  /// Finds what forbids batching.
  private mutating func limit(_ overrides: [String: TensorOverride]) {
    var reasons: [String] = []
    for spec in inputs where spec.source == .request {
      if spec.batchAxis == nil, overrides[spec.name]?.shared != true { reasons.append("input \(spec.name) has no batch axis") }
      if let axis = spec.batchAxis, case .fixed(let extent) = spec.shape[axis] {
        reasons.append("the batch axis of input \(spec.name) is fixed at \(extent)")
      }
      let open = spec.shape.indices.filter { axis in
        if case .symbolic = spec.shape[axis] { return axis != spec.batchAxis && axis != spec.padAxis }
        return false
      }
      if !open.isEmpty { reasons.append("input \(spec.name) has more than one axis of any extent, and one can be padded") }
      if spec.padAxis != nil, !isMasked(spec), overrides[spec.name]?.padAxis == nil, overrides[spec.name]?.padValue == nil {
        reasons.append("no mask tells the padding of input \(spec.name) apart (set its padValue if the model can do without)")
      }
    }
    for spec in outputs where spec.batchAxis == nil && overrides[spec.name]?.shared != true {
      reasons.append("output \(spec.name) has no batch axis")
    }
    if !reasons.isEmpty {
      maxRows = 1
      notes += reasons
    }
  }

  /// An input is masked by its own mask, or by that of one it shares the pad axis' name with.
  private func isMasked(_ spec: TensorSpec) -> Bool {
    inputs.contains { mask in
      guard case .mask(let name) = mask.source, let masked = inputs.first(where: { $0.name == name }) else { return false }
      guard let axis = spec.padAxis, let maskedAxis = masked.padAxis else { return false }
      return name == spec.name || spec.shape[axis] == masked.shape[maskedAxis]
    }
  }

  // MARK: Axes

  /// The name of the batch axis: a leading symbolic extent of inputs that outputs have too, one called batch first of all.
  static func batchSymbol(_ inputs: [TensorInfo], _ outputs: [TensorInfo]) -> String? {
    func symbols(_ tensor: TensorInfo) -> [String] {
      tensor.shape.compactMap { if case .symbolic(let name) = $0, !isUnnamed(name) { name } else { nil } }
    }
    let outputSymbols = Set(outputs.flatMap(symbols))
    let shared = inputs.flatMap(symbols).filter(outputSymbols.contains)
    if let batch = shared.first(where: isCalledBatch) ?? inputs.flatMap(symbols).first(where: isCalledBatch) { return batch }
    let leading = inputs.compactMap { tensor -> String? in
      if case .symbolic(let name) = tensor.shape.first, outputSymbols.contains(name) { name } else { nil }
    }
    if let first = leading.first { return first }
    // Not leading: only a name that every tensor has can be it.
    return shared.first { name in (inputs + outputs).allSatisfy { symbols($0).contains(name) } }
  }

  private static func batchAxis(of tensor: TensorInfo, _ symbol: String?, _ override: TensorOverride?) -> Int? {
    if override?.shared == true { return nil }
    if let axis = override?.batchAxis { return axis }
    if let symbol, let axis = tensor.shape.firstIndex(of: .symbolic(symbol)) { return axis }
    if case .symbolic(let name) = tensor.shape.first, isUnnamed(name) { return 0 }
    return nil
  }

  /// The extent that rows differ in: the first symbolic one of a request input beside the batch axis.
  private static func padSymbol(_ inputs: [TensorInfo], _ batchAxes: [Int?], _ overrides: [String: TensorOverride]) -> String? {
    for (index, input) in inputs.enumerated() {
      if let axis = overrides[input.name]?.padAxis, case .symbolic(let name) = input.shape[axis] { return name }
      for axis in input.shape.indices where axis != batchAxes[index] && batchAxes[index] != nil {
        if case .symbolic(let name) = input.shape[axis] { return name }
      }
    }
    return nil
  }

  static func isCalledBatch(_ name: String) -> Bool {
    let name = name.lowercased()
    return name.contains("batch") || ["n", "b", "bs"].contains(name)
  }

  /// No name, or one a converter made up for a single tensor.
  static func isUnnamed(_ name: String) -> Bool { name.isEmpty || name == "?" || name == "None" || name.hasPrefix("unk__") }

  // MARK: One tensor

  /// Names that encoders' exports use; what they hold follows from the ids.
  static let masks: Set = ["attention_mask", "input_mask"]
  static let zeros: Set = ["token_type_ids", "segment_ids"]

  private static func sources(_ inputs: [TensorInfo], _ overrides: [String: TensorOverride]) -> [TensorSpec.Source] {
    let derived = masks.union(zeros)
    let ids = inputs.first { $0.name == "input_ids" } ?? inputs.first { !derived.contains($0.name) && $0.shape.count == 2 && isInteger($0.type) }
    return inputs.map { input in
      if let constant = overrides[input.name]?.constant { return .constant(constant) }
      if let masked = overrides[input.name]?.mask { return .mask(of: masked) }
      guard let ids, ids.name != input.name, input.shape.count == ids.shape.count, ids.shape.count > 1 else { return .request }
      if masks.contains(input.name) { return .mask(of: ids.name) }
      if zeros.contains(input.name) { return .constant(0) }
      return .request
    }
  }

  private static func isInteger(_ type: TensorType?) -> Bool { type == .int64 || type == .int32 }

  private static func spec(
    _ tensor: TensorInfo, _ batchAxis: Int?, _ pad: String?, _ source: TensorSpec.Source, _ override: TensorOverride?, _ path: String
  ) throws -> TensorSpec {
    guard let type = ElementType(tensor.type) else {
      throw refused(path, "\(tensor.name) is of type \(tensor.typeName)", "tensors of numbers and booleans are supported")
    }
    var padAxis = override?.padAxis
    if padAxis == nil, let pad, batchAxis != nil {
      padAxis = tensor.shape.indices.first { axis in
        guard case .symbolic(let name) = tensor.shape[axis], axis != batchAxis else { return false }
        return name == pad || isUnnamed(name) && isUnnamed(pad)
      }
    }
    let shape = tensor.shape.indices.map { axis -> Dimension in
      switch tensor.shape[axis] {
      case .fixed(let extent): .fixed(extent)
      case .symbolic(let name) where isUnnamed(name):
        // Tensors that share a name share the extent, so an axis without one gets one of its own.
        .symbolic(axis == batchAxis ? "batch" : axis == padAxis ? "length" : "\(tensor.name).\(axis)")
      case .symbolic(let name): .symbolic(name)
      }
    }
    return TensorSpec(
      tensor.name, type, shape, batchAxis: batchAxis, padAxis: padAxis, padValue: override?.padValue ?? 0, source: source)
  }
}

func refused(_ path: String, _ problem: String, _ fix: String) -> ConfigurationError {
  ConfigurationError(key: "model", value: path, problem: problem, fix: fix)
}

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
