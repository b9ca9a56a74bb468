import Sheaf
import SheafONNX

/// Runs made-up rows of a session under one idea of how they are stacked after the other. Every run goes the way that lanes go.
final class ContractTrials {
  let session: Session
  /// Indices into the session's outputs.
  let kept: [Int]
  private var context: OnnxContext?
  private(set) var runs = 0
  /// What the last run that failed said.
  private(set) var lastError = ""

  init(_ session: Session, kept: [Int]) {
    self.session = session
    self.kept = kept
  }

  /// Outputs whose rows are not told apart: each is one answer.
  var wholeOutputs: [TensorSpec] {
    kept.map { index in
      let info = session.outputs[index]
      return TensorSpec(info.name, ElementType(info.type) ?? .float32, [], batchAxis: nil)
    }
  }

  /// - Parameter outputs: `nil`: their rows are not told apart.
  func signature(_ inputs: [TensorSpec], outputs: [TensorSpec]? = nil, _ example: RowExample, fixedRows: Int? = nil) -> Signature {
    var signature = Signature(inputs: inputs, outputs: outputs ?? wholeOutputs)
    signature.example = example
    signature.fixedRows = fixedRows
    return signature
  }

  func trial(_ signature: Signature, seed: UInt64 = 1) -> RowTrial {
    let context = OnnxContext(session, kept: kept, signature)
    self.context = context
    return RowTrial(signature, context, seed: seed)
  }

  /// What the elements of the outputs' last axes are called, as the last trial's runs said; empty where they have no names.
  var keys: [[String]] { context?.keys ?? [] }

  /// - Returns: for each output each row's answer; `nil`: the model does not take these rows.
  /// - Throws: where no later run can succeed either.
  func run(_ trial: RowTrial, _ rows: [MadeUpRow], paddedTo length: Int = 1) throws -> [[RowTrial.Answer]]? {
    runs += 1
    do { return try trial.run(rows, paddedTo: length) } catch let error as ModelLost {
      throw error
    } catch {
      lastError = "\(error)"
      return nil
    }
  }

  /// The outputs of rows as one answer each.
  func whole(_ trial: RowTrial, _ rows: [MadeUpRow]) throws -> [RowTrial.Answer]? { try run(trial, rows)?.map { $0[0] } }
}
