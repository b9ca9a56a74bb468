import SheafONNX

/// What a user says of one tensor, where inference from the model file is not right.
public struct TensorOverride: Sendable, Hashable {
  /// The axis along which rows are stacked.
  public var batchAxis: Int?
  /// One value for all rows: no batch axis.
  public var isShared = false
  public var padAxis: Int?
  public var padValue: Double?
  /// 1 where the named input has elements of its own, 0 in its padding.
  public var mask: String?
  /// One value throughout; requests need not carry the input.
  public var constant: Double?

  public init() {}
}

/// Infers a model's batch contract from its declared inputs and outputs.
///
/// - The batch axis is the first axis where its extent is free, else the axis that bears the same symbol as another input's batch
///   axis (a recurrent state `[2, batch, 128]`), else none: the tensor is shared by all rows.
/// - The pad axis is the one other free axis.
/// - A first extent that is fixed makes the model run one record at a time.
/// - By the names that exporters of text models use, `attention_mask` is a mask of `input_ids` and `token_type_ids` is 0.
public struct ContractInference: Sendable {
  public var overrides: [String: TensorOverride]

  public init(overrides: [String: TensorOverride] = [:]) { self.overrides = overrides }

  /// - Parameter wanted: names of the outputs to keep; empty: all.
  /// - Returns: the contract, and which of the model's outputs its outputs are.
  /// - Throws: `ConfigurationError` that names the tensor.
  public func infer(inputs: [TensorInfo], outputs: [TensorInfo], wanted: [String] = []) throws(ConfigurationError) -> (signature: Signature, outputs: [Int]) {
    for name in overrides.keys where !(inputs + outputs).contains(where: { $0.name == name }) {
      throw ConfigurationError(key: "models.inputs.\(name)", value: "", problem: "the model has no such tensor", fix: "it has \(names(inputs + outputs))")
    }
    let batchSymbols = Set(inputs.compactMap { $0.shape.first == -1 && !$0.symbols[0].isEmpty ? $0.symbols[0] : nil })
    var specs: [TensorSpec] = []
    var isBatchable = true
    for input in inputs {
      let spec = try spec(input, batchSymbols, hasIDs: inputs.contains { $0.name == "input_ids" })
      if case .request = spec.source {
        // A fixed first extent, or one tensor for all rows that every request brings: no two records can share a run.
        if spec.batchAxis == nil { isBatchable = false }
        if let axis = spec.batchAxis, case .fixed = spec.shape[axis] { isBatchable = false }
      } else if spec.batchAxis != nil, case .fixed? = spec.shape.first {
        isBatchable = false
      }
      specs.append(spec)
    }
    guard specs.contains(where: { $0.source == .request }) else {
      throw ConfigurationError(key: "models.inputs", value: "", problem: "no input is left for requests to carry", fix: "leave one of \(names(inputs)) without mask and constant")
    }
    for name in wanted where !outputs.contains(where: { $0.name == name }) {
      throw ConfigurationError(key: "models.outputs", value: name, problem: "the model has no such output", fix: "it has \(names(outputs))")
    }
    let padSymbols = Set(specs.flatMap { spec in spec.padAxis.map { spec.shape[$0] }.map { [$0] } ?? [] })
    var kept: [Int] = [], outputSpecs: [TensorSpec] = []
    for (index, output) in outputs.enumerated() where wanted.isEmpty || wanted.contains(output.name) {
      var spec = try spec(output, batchSymbols, hasIDs: false, isOutput: true)
      if let pad = spec.padAxis, overrides[output.name]?.padAxis == nil, !padSymbols.contains(spec.shape[pad]) { spec.padAxis = nil }
      if spec.batchAxis == nil { isBatchable = false }
      outputSpecs.append(spec)
      kept.append(index)
    }
    return (Signature(inputs: specs, outputs: outputSpecs, maxRows: isBatchable ? nil : 1), kept)
  }

  private func spec(_ info: TensorInfo, _ batchSymbols: Set<String>, hasIDs: Bool, isOutput: Bool = false) throws(ConfigurationError) -> TensorSpec {
    let key = "models.\(isOutput ? "outputs" : "inputs").\(info.name)"
    guard info.isTensor, let type = ElementType(info.type) else {
      throw ConfigurationError(key: key, value: info.isTensor ? "\(info.type)" : "not a tensor", problem: "this type is not supported", fix: isOutput ? "keep other outputs with models.outputs" : "export the model with numeric tensors")
    }
    let shape: [Dimension] = info.shape.enumerated().map { axis, extent in
      extent >= 0 ? .fixed(extent) : .symbolic(info.symbols[axis].isEmpty ? "\(info.name).\(axis)" : info.symbols[axis])
    }
    let override = overrides[info.name] ?? TensorOverride()
    var batchAxis = info.shape.first == -1 ? 0 : info.shape.indices.first { info.shape[$0] == -1 && batchSymbols.contains(info.symbols[$0]) }
    if batchAxis == nil, info.shape.first == 1 { batchAxis = 0 }
    if let axis = override.batchAxis { batchAxis = axis }
    if override.isShared { batchAxis = nil }
    for axis in [batchAxis, override.padAxis].compactMap(\.self) where !info.shape.indices.contains(axis) {
      throw ConfigurationError(key: key, value: "\(axis)", problem: "the tensor has \(info.shape.count) axes", fix: "name an axis from 0 to \(info.shape.count - 1)")
    }
    let free = info.shape.indices.filter { info.shape[$0] == -1 && $0 != batchAxis }
    if !isOutput, free.count > 1 {
      throw ConfigurationError(
        key: key, value: "\(info.shape)", problem: "it has \(free.count) free extents beside the batch (\(free.map { info.symbols[$0] }.joined(separator: ", "))), and rows may differ along one",
        fix: "export the model with the others fixed")
    }
    let padAxis = override.padAxis ?? free.first
    if !isOutput, let pad = padAxis, let batch = batchAxis, batch != 0 || pad < batch {
      throw ConfigurationError(key: key, value: "batchAxis \(batch), padAxis \(pad)", problem: "padding needs the rows along the first axis", fix: "export the model with the batch first")
    }
    var source = TensorSpec.Source.request
    if hasIDs, info.name == "attention_mask" { source = .mask(of: "input_ids") }
    if hasIDs, info.name == "token_type_ids" { source = .constant(0) }
    if let masked = override.mask { source = .mask(of: masked) }
    if let constant = override.constant { source = .constant(constant) }
    return TensorSpec(info.name, type, shape, batchAxis: batchAxis, padAxis: padAxis, padValue: override.padValue ?? 0, source: source)
  }

  private func names(_ tensors: [TensorInfo]) -> String { tensors.map(\.name).joined(separator: ", ") }
}

extension ElementType {
  init?(_ type: OnnxType) {
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
    case .float: self = .float32
    case .double: self = .float64
    case .undefined, .string, .complex64, .complex128, .bfloat16: return nil
    }
  }
}
