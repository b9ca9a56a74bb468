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
    let model = try OnnxModel(OnnxOptions(path: path), runtime: try Runtime(library: arguments["library"]))
    for line in ModelReport(model).lines { Terminal.print(line) }
    if Tokenizer.exists(in: modelFolder(path)) {
      let tokenizer = try Tokenizer(folder: modelFolder(path))
      Terminal.print("text     tokenizer.json lies beside it: requests may be plain text, cut at \(tokenizer.maxLength) tokens unless models.maxLength says otherwise")
    }
    return ExitCode.success
  }
}
