enum HelpCommand: Subcommand {
  static let summary = "explain a command"
  static let help = """
    usage: sheaf help [COMMAND | --reference | --schema]

    Explains a command; --reference prints the page of all settings, --schema a JSON schema of the configuration for editors.
    """

  static func run(_ arguments: [String]) async throws -> Int32 {
    switch arguments.first {
    case nil: Terminal.print(overview)
    case "--reference": Terminal.print(Reference.markdown)
    case "--schema": Terminal.print(Reference.schema)
    case let name?: Terminal.print(try Command.subcommand(name).help)
    }
    return ExitCode.success
  }

  static var overview: String {
    let width = Command.subcommands.map(\.name.count).max() ?? 0
    let commands = Command.subcommands.map { "  \($0.name.padded(to: width))  \($0.command.summary)" }.joined(separator: "\n")
    return """
      sheaf answers Kafka records with batched model inference.

      usage: sheaf COMMAND [OPTIONS]

      \(commands)

      First steps:
        sheaf demo                          a broker, a model and two workers: watch texts become embeddings
        sheaf inspect model.onnx            what goes into a model, and what comes out
        sheaf check --config sheaf.yaml     everything that would stop a worker, before it is started
        sheaf serve --config sheaf.yaml     start the worker

      sheaf help COMMAND says more of each; sheaf --version prints the version.
      """
  }
}
