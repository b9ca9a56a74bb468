import Sheaf
import SheafONNX

/// A vector a row, made of one of the session's outputs step by step; the others stay as they are.
struct VectorHead: Head {
  let outputs: [TensorSpec]
  /// The session's output whose vectors these are.
  private let source: Int
  private let pool: Pool?
  private let steps: [VectorStep]

  /// - Parameters:
  ///   - contract: the session's outputs.
  ///   - pool: for vectors of elements, [batch, length, width]; nil: they are of rows, [batch, width].
  /// - Throws: `ConfigurationError` where the output has not this shape, or a step does not fit.
  init(_ contract: [TensorSpec], source: Int, pool: Pool?, steps: [VectorStep], _ path: String) throws(ConfigurationError) {
    let spec = contract[source]
    guard spec.type == .float32 || spec.type == .float16, spec.batchAxis == 0, spec.shape.count == (pool == nil ? 2 : 3) else {
      throw refused(path, "output \(spec.name) is not a floating-point [batch, \(pool == nil ? "" : "length, ")width], which \(pool == nil ? "this" : "pooling") needs", "name another in outputs first")
    }
    var width = spec.shape[spec.shape.count - 1]
    if let pool, case .fixed(let extent) = width { width = .fixed(extent * pool.modes.count) }
    for step in steps {
      guard case .fixed(let extent) = width else { continue }
      guard let next = step.width(after: extent) else { throw refused(path, "a vector of \(extent) numbers does not fit the \(step.name) layer of the model's folder", "export the model again, folder and all") }
      width = .fixed(next)
    }
    var outputs = contract
    outputs[source] = TensorSpec(spec.name, .float32, [spec.shape[0], width])
    self.outputs = outputs
    self.source = source
    self.pool = pool
    self.steps = steps
  }

  func run(_ outputs: [TensorView], _ batch: ModelBatch) throws {
    for (index, output) in outputs.enumerated() where index != source { try batch.setOutput(index, output) }
    let output = outputs[source], rows = output.shape.first ?? 0
    guard output.shape.count == (pool == nil ? 2 : 3), rows == batch.rows else { throw ONNXError("output \(self.outputs[source].name)", "came with shape \(output.shape) for \(batch.rows) rows") }
    var matrix = try output.withFloats { vectors in
      guard let pool else { return Matrix(rows: rows, width: output.shape[1], values: Array(vectors)) }
      return pool.run(vectors, rows: rows, width: output.shape[2], OwnElements(batch, length: output.shape[1]))
    }
    for step in steps {
      guard step.width(after: matrix.width) != nil else { throw ONNXError("output \(self.outputs[source].name)", "has vectors of \(matrix.width) numbers, which the \(step.name) layer does not take") }
      step.run(&matrix)
    }
    _ = batch.output(source, as: Float.self, shape: [rows, matrix.width]).update(fromContentsOf: matrix.values)
  }
}

extension VectorStep {
  var name: String {
    switch self {
    case .normalize: "Normalize"
    case .dense: "Dense"
    case .layerNorm: "LayerNorm"
    }
  }
}
