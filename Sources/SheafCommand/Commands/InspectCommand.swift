import Glibc
import Sheaf
import SheafModels
import SheafONNX

enum InspectCommand: Subcommand {
  static let summary = "show a model's inputs, outputs and batch contract"
  static let options = [
    Option("profile", "FILE|MODEL", "prints what a run profile knows, or all profiles of a model on this machine"),
    Option("library", "FILE", "libonnxruntime.so; default as for serve"),
    Option("set", "KEY=VALUE", "a setting that its worker has, as models.inputs.NAME.padAxis; may be given more than once", repeats: true),
  ]
  static var help: String {
    """
    usage: sheaf inspect MODEL [--set KEY=VALUE]…
           sheaf inspect --profile FILE|MODEL

    Prints what goes into an ONNX model and what comes out: names, types, shapes, and how rows of several records become one
    batch, which is found out by running it. MODEL is a file, or a folder that holds one.

    A profile is what `sheaf tune` and workers have learned about what runs cost (models.profile): printed is what a run of so many
    rows, the longest of so many tokens, is expected to take; * marks what was measured, the rest is drawn from it.

    \(options.help)
    """
  }

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, rest: 1, command: "inspect")
    if let path = arguments["profile"] {
      if let extra = arguments.rest.first { throw UsageError("inspect: unexpected argument \(extra); --profile names what is printed") }
      return try profiles(path, arguments)
    }
    guard let path = arguments.rest.first else { throw UsageError("inspect: names no model; write sheaf inspect model.onnx") }
    var configuration = try ServeConfiguration(model: path, sets: arguments.all("set"), command: "inspect")
    configuration.library = arguments["library"] ?? configuration.library
    let model = try configuration.loadModel()
    for line in ModelReport(model).lines + configuration.textNotes.map({ "note     \($0)" }) { Terminal.print(line) }
    if let text = model.text { Terminal.print("text     requests may be plain text, of \(text.maxLength) tokens at most unless models.maxLength says otherwise\(text.takesPairs ? "; or pairs of texts, as JSON" : "")") }
    Terminal.print("request  \(ExampleRequest(model.signature, takesText: model.text != nil).shown)")
    return ExitCode.success
  }

  private static func profiles(_ path: String, _ arguments: Arguments) throws -> Int32 {
    if access(path, R_OK) != 0 { throw UsageError("inspect: --profile \(path): \(String(cString: strerror(errno))); name a profile, or a model") }
    if !isDirectory(path), !path.hasSuffix(".onnx") {
      guard let profile = readFile(path).flatMap(RunProfile.init(encoded:)), !profile.isEmpty else {
        throw UsageError("inspect: --profile \(path): not a whole profile of this version; name one, or a model (a folder, or a file ending in .onnx)")
      }
      for line in ProfileReport(profile).lines { Terminal.print(line) }
      return ExitCode.success
    }
    var configuration = try ServeConfiguration(model: path, sets: arguments.all("set"), command: "inspect")
    configuration.library = arguments["library"] ?? configuration.library
    let model = try configuration.loadModel()
    let known = ProfileStore.paths(
      folder: configuration.model.profile, name: model.name, model: path, runtime: configuration.runtime(model), device: configuration.model.device, threads: 1...256
    ).compactMap { entry in readFile(entry.path).flatMap(RunProfile.init(encoded:)).map { (entry.threads, entry.path, $0) } }
    if known.isEmpty { throw ExitError(code: ExitCode.failure, lines: ["inspect: --profile \(path): nothing is known of its runs on this machine yet; `sheaf tune \(path)` measures them"]) }
    for (threads, path, profile) in known {
      Terminal.print("\(path): runs of \(threads) thread\(threads == 1 ? "" : "s")")
      for line in ProfileReport(profile).lines { Terminal.print(line) }
    }
    return ExitCode.success
  }
}
