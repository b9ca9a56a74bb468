import Sheaf
import SheafONNX

/// One thread's way to run a session on batches: inputs are read where the batch has them, outputs are ONNX Runtime's own memory.
final class OnnxContext: RunContext {
  private let runner: Runner
  private let signature: Signature
  private let head: Head?
  private var inputs: [TensorView] = []
  private var outputs: [TensorView] = []

  /// - Parameters:
  ///   - kept: indices of the session's outputs that are wanted.
  ///   - signature: its outputs are those, or what the head makes of them.
  init(_ session: Session, kept: [Int], _ signature: Signature, head: Head? = nil) {
    runner = Runner(session, outputs: kept)
    self.signature = signature
    self.head = head
  }

  /// Of the last run's outputs: what the elements of the last axis are called; empty where they have no names.
  var keys: [[String]] { outputs.map(\.keys) }

  func run(_ batch: ModelBatch) throws {
    inputs.removeAll(keepingCapacity: true)
    // What is behind the session's inputs is for the head.
    for (index, spec) in signature.inputs.prefix(runner.session.inputs.count).enumerated() {
      inputs.append(TensorView(spec.type.tensorType, batch.inputShape(index), batch.input(index)))
    }
    do throws(ONNXError) { try runner.run(inputs) } catch {
      if error.isDeviceLost { throw ModelLost("\(error)") }
      if error.isOutOfMemory { throw ModelOutOfMemory("\(error)") }
      throw error
    }
    outputs.removeAll(keepingCapacity: true)
    for index in runner.outputs.indices { outputs.append(try runner.output(index)) }
    if let head { return try head.run(outputs, batch) }
    for (index, output) in outputs.enumerated() { try batch.setOutput(index, output) }
  }
}
