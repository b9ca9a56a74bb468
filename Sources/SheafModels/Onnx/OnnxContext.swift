import Sheaf
import SheafONNX

/// One lane's way to run an `OnnxModel`: inputs are read where the batch has them, outputs are ONNX Runtime's own memory.
final class OnnxContext: RunContext {
  private let model: OnnxModel
  private let runner: Runner
  private var inputs: [TensorView] = []
  /// 16-bit vectors as 32-bit ones, before pooling.
  private var widened: [Float] = []

  init(_ model: OnnxModel) {
    self.model = model
    runner = Runner(model.session, outputs: model.kept)
  }

  func run(_ batch: ModelBatch) throws {
    inputs.removeAll(keepingCapacity: true)
    for (index, spec) in model.signature.inputs.enumerated() {
      inputs.append(TensorView(spec.type.tensorType, batch.inputShape(index), batch.input(index)))
    }
    do throws(ONNXError) { try runner.run(inputs) } catch {
      if error.isDeviceLost { throw ModelLost("\(error)") }
      if error.isOutOfMemory { throw ModelOutOfMemory("\(error)") }
      throw error
    }
    for (index, spec) in model.rawOutputs.enumerated() {
      let output = try runner.output(index)
      try check(output, spec, batch)
      if index == 0, let pooling = model.pooling {
        pool(output, pooling, batch)
      } else if model.normalize, OnnxModel.isVector(spec) {
        let vectors = batch.output(index, as: Float.self, shape: output.shape)
        _ = vectors.update(fromContentsOf: output.bytes.assumingMemoryBound(to: Float.self))
        Pool.normalize(vectors.baseAddress!, rows: output.shape[0], width: output.shape[1])
      } else {
        // A tensor without elements may have no memory; the batch wants some address.
        batch.setOutput(index, output.bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!, shape: output.shape)
      }
    }
  }

  /// A wrong number of rows would give a record its neighbour's answer.
  private func check(_ output: TensorView, _ spec: TensorSpec, _ batch: ModelBatch) throws {
    guard output.type == spec.type.tensorType, output.shape.count == spec.shape.count else {
      throw ONNXError("running \(model.name)", "output \(spec.name) came as \(output.type) \(output.shape), not as the file declares it")
    }
    if let axis = spec.batchAxis, output.shape[axis] != batch.rows {
      throw ONNXError(
        "running \(model.name)", "output \(spec.name) has \(output.shape[axis]) rows for a batch of \(batch.rows)",
        fix: "set maxRows 1, or its batchAxis")
    }
  }

  private func pool(_ output: TensorView, _ pooling: OnnxOptions.Pooling, _ batch: ModelBatch) {
    let (rows, length, width) = (output.shape[0], output.shape[1], output.shape[2])
    let counts = counts(batch, length)
    let result = batch.output(0, as: Float.self, shape: [rows, width])
    guard let to = result.baseAddress, rows * width > 0 else { return }
    if output.type == .float16 {
      widened.removeAll(keepingCapacity: true)
      for value in output.bytes.assumingMemoryBound(to: Float16.self) { widened.append(Float(value)) }
      widened.withUnsafeBufferPointer { Pool.run(pooling, $0.baseAddress!, length: length, width: width, counts: counts, into: to) }
    } else {
      let from = output.bytes.assumingMemoryBound(to: Float.self).baseAddress!
      Pool.run(pooling, from, length: length, width: width, counts: counts, into: to)
    }
    if model.normalize { Pool.normalize(to, rows: rows, width: width) }
  }

  /// Elements of each row: as many as its mask has ones; all where the model has no mask, and then nothing was padded.
  private func counts(_ batch: ModelBatch, _ length: Int) -> [Int] {
    let mask = model.signature.inputs.firstIndex { if case .mask = $0.source { true } else { false } }
    guard let mask, batch.inputShape(mask) == [batch.rows, length] else { return Array(repeating: length, count: batch.rows) }
    let size = model.signature.inputs[mask].type.size
    let bytes = batch.input(mask)
    return (0..<batch.rows).map { row in
      (0..<length).reduce(0) { count, element in
        // Little-endian integers: 1 has it in the lowest byte. A floating-point 1 has a byte that is not zero as well.
        let at = (row * length + element) * size
        return count + (bytes[at..<at + size].contains { $0 != 0 } ? 1 : 0)
      }
    }
  }
}
