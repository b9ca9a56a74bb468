import Sheaf
import SheafONNX

enum InspectCommand: Subcommand {
  static let summary = "show a model's inputs, outputs and batch contract"
  static let options = [Option("library", "FILE", "libonnxruntime.so; default as for serve")]
  static var help: String {
    """
    usage: sheaf inspect MODEL

    Prints what goes into an ONNX model and what comes out: names, types, shapes, and how rows of several records become one
    batch. MODEL is a file, or a folder that holds model.onnx.

    \(options.help)
    """
  }

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, rest: 1, command: "inspect")
    guard let path = arguments.rest.first else { throw UsageError("inspect: names no model; write sheaf inspect model.onnx") }
    let file = isDirectory(path) ? path + "/model.onnx" : path
    let session = try Session(try Runtime(path: arguments["library"]), path: file)
    for line in report(session) { Terminal.print(line) }
    return ExitCode.success
  }

  static func report(_ session: Session) -> [String] {
    let metadata = session.metadata
    var lines = ["model     \(session.path)", "runtime   ONNX Runtime \(session.runtime.version) (\(session.runtime.providers.joined(separator: ", ")))"]
    let facts = [("producer", metadata.producer), ("graph", metadata.graph), ("domain", metadata.domain), ("about", metadata.text), ("version", metadata.version == 0 || metadata.version == .max ? "" : "\(metadata.version)")]
    lines += (facts + metadata.custom.map { ($0.key, $0.value) }).filter { !$0.1.isEmpty }.map { "\($0.0.padded(to: 9)) \($0.1)" }
    lines += ["", "inputs"] + session.inputs.map(describe) + ["", "outputs"] + session.outputs.map(describe) + ["", "batch contract"]
    do throws(ConfigurationError) {
      let signature = try ContractInference().infer(inputs: session.inputs, outputs: session.outputs).signature
      lines += (signature.inputs + signature.outputs).map { "  \($0.name): \($0.contract)" }
      if signature.maxRows == 1 { lines.append("  one record at a time: the rows cannot be stacked") }
    } catch {
      lines.append("  cannot be served as it is: \(error)")
    }
    if Tokenizer.exists(in: session.path.contains("/") ? session.path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") : ".") {
      lines += ["", "text      tokenizer.json lies beside it: requests may be plain text"]
    }
    return lines
  }

  private static func describe(_ tensor: TensorInfo) -> String {
    guard tensor.isTensor else { return "  \(tensor.name): not a tensor" }
    let shape = zip(tensor.shape, tensor.symbols).map { $0 >= 0 ? "\($0)" : $1.isEmpty ? "?" : $1 }.joined(separator: ", ")
    return "  \(tensor.name): \(tensor.type) [\(shape)]"
  }
}

extension TensorSpec {
  /// How it takes part in a batch, in words.
  var contract: String {
    var parts = [batchAxis.map { "rows along axis \($0)" } ?? "shared by all rows"]
    if let padAxis { parts.append("axis \(padAxis) padded with \(padValue) to the longest row") }
    switch source {
    case .request: break
    case .mask(let name): parts.append("the mask of \(name), made by the worker")
    case .constant(let value): parts.append("\(value) throughout, made by the worker")
    }
    return parts.joined(separator: ", ")
  }
}
