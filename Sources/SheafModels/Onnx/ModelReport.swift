import Sheaf
import SheafONNX

/// What a model file is and how it will be batched, in lines of text. What `sheaf inspect` prints.
public struct ModelReport: Sendable {
  public var lines: [String]

  public init(_ model: OnnxModel) {
    let session = model.session
    let metadata = session.metadata
    var lines = ["model    \(model.name) (\(session.path))", "runtime  ONNX Runtime \(session.runtime.version) (\(session.runtime.path)), \(session.options.provider)"]
    lines += model.signature.inputs.map { ModelReport.line("input ", $0) }
    lines += model.signature.outputs.map { ModelReport.line("output", $0) }
    let dropped = session.outputs.indices.filter { !model.kept.contains($0) }.map { session.outputs[$0].name }
    if !dropped.isEmpty { lines.append("dropped  \(dropped.joined(separator: ", "))") }
    if !model.steps.isEmpty { lines.append("after    \(model.steps.joined(separator: ", "))") }
    lines.append("batch    \(model.signature.maxRows.map { $0 == 1 ? "none: every row runs alone" : "up to \($0) rows" } ?? "any number of rows")")
    if let longest = model.signature.maxLength { lines.append("length   up to \(longest)") }
    lines += model.notes.map { "note     \($0)" }
    let about = [("producer", metadata.producer), ("graph", metadata.graph), ("domain", metadata.domain), ("about", metadata.description)]
      .filter { !$0.1.isEmpty } + metadata.entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    lines += about.map { "metadata \($0.0): \(ModelReport.oneLine($0.1))" }
    if metadata.version != 0, metadata.version != .max { lines.append("metadata version: \(metadata.version)") }
    self.lines = lines
  }

  /// Metadata may hold whole dictionaries.
  private static func oneLine(_ text: String) -> String {
    let start = text.prefix(200)
    return start.split(whereSeparator: \.isNewline).joined(separator: " ") + (start.endIndex == text.endIndex ? "" : "…")
  }

  /// For example `input    input_ids INT64 [batch*, sequence~], padded with 0`: * marks the batch axis, ~ the padded one.
  private static func line(_ what: String, _ spec: TensorSpec) -> String {
    let shape = spec.shape.indices.map { axis in
      let extent = switch spec.shape[axis] {
      case .fixed(let extent): "\(extent)"
      case .symbolic(let name): name
      }
      return extent + (axis == spec.batchAxis ? "*" : axis == spec.padAxis ? "~" : "")
    }
    var line = "\(what)   \(spec.name) \(spec.type.rawValue) [\(shape.joined(separator: ", "))]"
    switch spec.source {
    case .request:
      if what == "input ", spec.padAxis != nil { line += ", padded with \(number(spec.padValue))" }
    case .mask(let ids): line += ", filled in: the mask of \(ids)"
    case .places(let ids): line += ", filled in: where each of \(ids) stands in its text"
    case .constant(let value): line += ", filled in: \(number(value))"
    }
    return line
  }

  private static func number(_ value: Double) -> String { Int(exactly: value).map { "\($0)" } ?? "\(value)" }
}
