/// How one vector is made of a row's per-token vectors, as sentence-transformers names them.
public enum Pooling: String, Sendable, CaseIterable {
  /// The first token's.
  case cls
  /// The mean of the row's own tokens.
  case mean
  /// The row's last own token's.
  case last

  /// Pooling of one output of a model.
  struct Step: Sendable {
    var kind: Pooling
    var mask: Int?
    var maskType: ElementType
  }

  /// Makes the contract's only output the pooled one: `[batch, width]` instead of `[batch, tokens, width]`.
  func step(in signature: inout Signature, _ kept: inout [Int]) throws(ConfigurationError) -> Step {
    guard let index = signature.outputs.firstIndex(where: { $0.shape.count == 3 && $0.type == .float32 && $0.batchAxis == 0 }) else {
      throw ConfigurationError(key: "models.pooling", value: rawValue, problem: "no output is float32 [batch, tokens, width]", fix: "set pooling: none")
    }
    let mask = signature.inputs.firstIndex { if case .mask = $0.source { true } else { false } }
    if self != .cls, mask == nil {
      throw ConfigurationError(key: "models.pooling", value: rawValue, problem: "the model has no attention mask to tell a row's own tokens by", fix: "name it with models.inputs.<name>.mask")
    }
    var spec = signature.outputs[index]
    spec.shape.remove(at: 1)
    spec.padAxis = nil
    signature.outputs = [spec]
    kept = [kept[index]]
    return Step(kind: self, mask: mask, maskType: mask.map { signature.inputs[$0].type } ?? .int64)
  }
}

extension Pooling.Step {
  /// - Parameters: data: float32 of `shape`, [rows, tokens, width].
  func run(_ batch: ModelBatch, _ data: UnsafeRawPointer, _ shape: [Int]) throws {
    guard shape.count == 3, shape[0] == batch.rows else { throw WorkerError("the output to pool has shape \(shape) for a batch of \(batch.rows) rows") }
    let (rows, tokens, width) = (shape[0], shape[1], shape[2])
    let vectors = data.assumingMemoryBound(to: Float.self)
    let pooled = batch.output(0, as: Float.self, shape: [rows, width])
    for row in 0..<rows {
      let target = pooled.baseAddress! + row * width
      let own = kind == .cls ? 1 : max(1, ownTokens(batch, row, tokens))
      let from = kind == .last ? own - 1 : 0
      target.update(from: vectors + (row * tokens + from) * width, count: width)
      guard kind == .mean else { continue }
      for token in 1..<max(1, own) {
        let vector = vectors + (row * tokens + token) * width
        for index in 0..<width { target[index] += vector[index] }
      }
      for index in 0..<width { target[index] /= Float(own) }
    }
  }

  /// Leading ones of the mask's row: padding is at the end.
  private func ownTokens(_ batch: ModelBatch, _ row: Int, _ tokens: Int) -> Int {
    let bytes = batch.input(mask!), size = maskType.size
    var count = 0
    while count < tokens, bytes[((row * tokens + count) * size)..<((row * tokens + count + 1) * size)].contains(where: { $0 != 0 }) { count += 1 }
    return count
  }
}

/// Scales each row of a float32 [rows, width] output to length 1, in memory of the batch's own.
func normalizeRows(_ batch: ModelBatch, _ index: Int) {
  let shape = batch.outputs[index].shape, source = batch.outputs[index].data!.assumingMemoryBound(to: Float.self)
  let isOwn = batch.outputs[index].buffer.map { UnsafeRawPointer($0) == batch.outputs[index].data } ?? false
  let target = isOwn ? UnsafeMutableBufferPointer(start: UnsafeMutablePointer(mutating: source), count: shape[0] * shape[1]) : batch.output(index, as: Float.self, shape: shape)
  for row in 0..<shape[0] {
    var sum: Float = 0
    for column in 0..<shape[1] { sum += source[row * shape[1] + column] * source[row * shape[1] + column] }
    let scale = 1 / max(sum.squareRoot(), 1e-12)
    for column in 0..<shape[1] { target[row * shape[1] + column] = source[row * shape[1] + column] * scale }
  }
}
