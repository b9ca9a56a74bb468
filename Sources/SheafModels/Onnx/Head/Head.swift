import Sheaf
import SheafONNX

/// What is computed of a session's outputs before they are answered.
protocol Head: Sendable {
  /// What replies can carry, in order.
  var outputs: [TensorSpec] { get }
  /// - Parameter outputs: the session's, as it was asked for them.
  func run(_ outputs: [TensorView], _ batch: ModelBatch) throws
}

extension ModelBatch {
  /// Gives an output as ONNX Runtime has it. - Throws: where it is of another type than the file declares.
  func setOutput(_ index: Int, _ output: TensorView) throws {
    let spec = signature.outputs[index]
    guard output.type == spec.type.tensorType else { throw ONNXError("output \(spec.name)", "came as \(output.type), not as the \(spec.type.tensorType) that the file declares") }
    if output.type == .string { return setOutput(index, bytes: output.bytes, shape: output.shape) }
    // A tensor without elements may have no memory; the batch wants some address.
    setOutput(index, output.bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!, shape: output.shape)
  }
}
