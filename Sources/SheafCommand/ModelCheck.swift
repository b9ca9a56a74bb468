import Sheaf
import SheafModels

/// What is tried of a loaded model before a worker starts with it; `sheaf check` prints it, `sheaf serve` obeys it.
struct ModelCheck {
  /// What was found, in words.
  var lines: [String] = []
  /// A right request.
  var example: String?
  var warmUp = WarmUp.Result()

  /// - Throws: `ConfigurationError` with the setting to change; what the model throws where it cannot run at all.
  init(_ model: OnnxModel, _ configuration: ServeConfiguration) throws {
    let isAlone = configuration.worker.batch.maxRows == 1
    lines = configuration.textNotes + model.notes
    if !isAlone, !configuration.model.acceptUnsafeBatching, let coupling = model.coupling { throw ModelCheck.unsafe(coupling) }
    do {
      let trial = try StartTrial(model, configuration.worker)
      example = trial.example
      if let unread = trial.unread { lines.append("records without a content-type header are not read as topics.format says, \(configuration.worker.topics.format.rawValue): \(unread)") }
    } catch let error as StartRefused {
      if error.isRead, model.isUntried {
        lines.append("whether real requests are answered is not known: \(error)")
        return
      }
      throw ConfigurationError(key: "models.path", value: configuration.model.path, problem: "\(error)", fix: ModelCheck.advice(model))
    }
    if model.signature.mostRows == 1 || isAlone { lines.append("one record at a time") } else { try compare(model, configuration) }
    guard configuration.model.warmUp > 0 else { return }
    warmUp = try WarmUp.run(model, configuration.worker.batch, budget: configuration.model.warmUp)
    for (shape, reason) in warmUp.refused.prefix(3) { lines.append("rows × length \(shape.rows) × \(shape.length) is nothing that the model takes: \(reason)") }
    if warmUp.ran.isEmpty, let (shape, reason) = warmUp.refused.first {
      throw ConfigurationError(key: "models.path", value: configuration.model.path, problem: "no batch that was made up could be run, the last of \(shape.rows) × \(shape.length): \(reason)", fix: ModelCheck.advice(model))
    }
  }

  private mutating func compare(_ model: OnnxModel, _ configuration: ServeConfiguration) throws {
    let check = try BatchCheck(model)
    lines += check.lines
    guard let problem = check.problem else { return }
    guard configuration.model.acceptUnsafeBatching else { throw ModelCheck.unsafe(problem) }
    lines.append("accepted by models.acceptUnsafeBatching: \(problem)")
  }

  private static func unsafe(_ problem: String) -> ConfigurationError {
    ConfigurationError(
      key: "models.acceptUnsafeBatching", value: "false", problem: problem, fix: "set models.batch.maxRows: 1, or accept it with models.acceptUnsafeBatching: true")
  }

  private static func advice(_ model: OnnxModel) -> String {
    "see `sheaf inspect`; what rows look like is set in models.inputs, the longest in models.maxLength, what is answered in models.outputs"
  }
}

extension BatchCheck {
  /// A line for each output.
  var lines: [String] {
    outputs.map { output in
      if output.isNaN { return "\(output.name): is NaN for all rows that were made up, so nothing is known of it" }
      if output.isRandom { return "\(output.name): answers differ from run to run, so nothing is known of it" }
      let padded = output.padded.map { ", by \($0) with padding" } ?? ""
      return "\(output.name): differs by \(output.batched) in a batch\(padded)"
    }
  }

  /// Why the model should not be batched, in words; nil: it may be.
  var problem: String? {
    outputs.first { !$0.isWithin }.map { output in
      "a row's answer changes in a batch: output \(output.name) differs by \(max(output.batched, output.padded ?? 0))"
    }
  }
}
