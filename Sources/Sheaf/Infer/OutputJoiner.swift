import Glibc

/// Puts the outputs of a request's parts together again, row by row, as if they had been one run.
final class OutputJoiner {
  private let signature: Signature
  /// All rows, in tensors of its own.
  let whole: ModelBatch
  private var filled = 0
  private var isStarted = false

  init(_ signature: Signature) {
    self.signature = signature
    whole = ModelBatch(signature: signature)
  }

  func begin(rows: Int, length: Int) {
    whole.begin(rows: rows, length: length)
    filled = 0
    isStarted = false
  }

  /// Adds the first `batch.requested` rows of a batch that has run.
  /// - Throws: where its outputs do not have the shapes that those before had, but for the rows.
  func append(_ batch: ModelBatch) throws(BatchFault) {
    for (index, spec) in signature.outputs.enumerated() {
      let part = batch.outputs[index]
      if spec.isRagged {
        appendRagged(index, part, batch.requested)
        continue
      }
      guard let axis = spec.batchAxis else {
        // Shared by all rows: the last one stands for all.
        copy(part, whole: index, shape: part.shape)
        continue
      }
      var shape = part.shape
      shape[axis] = whole.rows
      if isStarted, shape != whole.outputs[index].shape {
        throw BatchFault("output \"\(spec.name)\" has shape \(part.shape) for some rows of the request and another for others, so they cannot be one answer")
      }
      if spec.type == .bytes { try appendStrings(index, part, batch, shape) } else { place(index, spec, part, axis, batch.requested, shape) }
    }
    filled += batch.requested
    isStarted = true
    for (row, reason) in batch.failures where row < batch.requested { whole.fail(row: filled - batch.requested + row, reason) }
  }

  private func copy(_ part: ModelBatch.Tensor, whole index: Int, shape: [Int]) {
    whole.outputs[index].shape = shape
    let target = whole.outputs[index].reserve(part.byteCount)
    if part.byteCount > 0 { memcpy(target, part.data!, part.byteCount) }
  }

  private func place(_ index: Int, _ spec: TensorSpec, _ part: ModelBatch.Tensor, _ axis: Int, _ rows: Int, _ shape: [Int]) {
    let inner = shape[(axis + 1)...].reduce(spec.type.size, *), outer = shape[..<axis].reduce(1, *)
    if !isStarted {
      whole.outputs[index].shape = shape
      _ = whole.outputs[index].reserve(outer * whole.rows * inner)
    }
    guard inner > 0, let target = whole.outputs[index].buffer else { return }
    for block in 0..<outer { memcpy(target + (block * whole.rows + filled) * inner, part.data! + block * part.shape[axis] * inner, rows * inner) }
  }

  private func appendRagged(_ index: Int, _ part: ModelBatch.Tensor, _ rows: Int) {
    let before = isStarted ? whole.outputs[index].rowStarts : [0], end = part.rowStarts[rows]
    let isStrings = signature.outputs[index].type == .bytes, all = part.shape[0]
    let length = isStrings ? BytesElements.length(of: end * part.shape[1...].reduce(1, *), in: part.bytes)! : all == 0 ? 0 : part.byteCount / all * end
    let bytes = (isStarted ? Array(whole.outputs[index].bytes) : []) + part.bytes.prefix(length)
    let counts = zip(before, before.dropFirst()).map { $1 - $0 } + (0..<rows).map { part.rowStarts[$0 + 1] - part.rowStarts[$0] }
    bytes.withUnsafeBytes { whole.setRagged(index, counts: counts, bytes: $0, extents: Array(part.shape[1...])) }
  }

  private func appendStrings(_ index: Int, _ part: ModelBatch.Tensor, _ batch: ModelBatch, _ shape: [Int]) throws(BatchFault) {
    let perRow = part.shape[1...].reduce(1, *)
    guard let length = BytesElements.length(of: perRow * batch.requested, in: part.bytes) else { throw BatchFault("strings are missing") }
    let before = isStarted ? Array(whole.outputs[index].bytes) : []
    let all = before + part.bytes.prefix(length)
    all.withUnsafeBytes { whole.setOutput(index, bytes: $0, shape: shape) }
  }
}
