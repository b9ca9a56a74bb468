import Sheaf

enum CheckCommand: Subcommand {
  static let summary = "find everything that would stop a worker"
  static let options = [
    Option("config", "FILE", "the configuration; default sheaf.yaml"),
    Option("set", "KEY=VALUE", "overrides a setting; may be given more than once", repeats: true),
  ]
  static var help: String {
    """
    usage: sheaf check [--config FILE] [--set KEY=VALUE]…

    Reads the configuration, loads the model, finds out by trying how rows become a batch and whether that changes their
    answers, answers one made-up request on its whole way, warms up as a worker does, says what can be seen of memory, processors and GPU, and asks the cluster for the topics and the group's offsets.
    Prints what it found, and a line for every fault: the key, its value, what is wrong, what to do. Nothing is consumed or written.

    \(options.help)

    Exit code 0: a worker would start; 1: not now (model, broker, topics); 2: the configuration is wrong.
    """
  }

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, command: "check")
    var configuration = try ServeConfiguration(path: arguments["config"] ?? "sheaf.yaml", sets: arguments.all("set"))
    Terminal.print("configuration  fine")
    var code = ExitCode.success
    func fail(_ line: String, _ with: Int32 = ExitCode.failure) {
      Terminal.error(line)
      code = max(code, with)
    }

    do {
      let model = try configuration.loadModel()
      Terminal.print("model          \(model.name): loaded on \(configuration.model.device), \(configuration.worker.lanes) lanes of \(configuration.model.threads) threads")
      for line in SignalReport(device: model.device).lines { Terminal.print("signals        \(line)") }
      let check = try ModelCheck(model, configuration)
      for line in check.lines { Terminal.print("batching       \(line)") }
      let answers = model.signature.outputs.map(\.name), all = model.session.outputs.map(\.name)
      if all.count > 1 { Terminal.print("answers        \(answers.joined(separator: ", ")) (models.outputs chooses among \(all.joined(separator: ", ")))") }
      if let example = check.example { Terminal.print("a request      \(example)") }
      if configuration.model.warmUp > 0 { Terminal.print("warm-up        \(check.warmUp.ran.count) of \(check.warmUp.ran.count + check.warmUp.skipped.count) batch shapes") }
    } catch let error as ConfigurationError {
      fail("configuration: \(error)", error.key == "models.path" || error.key == "models.acceptUnsafeBatching" ? ExitCode.failure : ExitCode.usage)
    } catch {
      fail("\(error)")
    }

    let broker = BrokerCheck(configuration.worker)
    for request in broker.requests { Terminal.print("topic          \(request.topic): \(request.partitions) partitions") }
    for problem in broker.problems { fail(problem) }
    if broker.problems.isEmpty {
      let group = configuration.worker.kafka["group.id"] ?? ""
      Terminal.print("group          \(group): \(broker.committed.map { "\($0) records committed" } ?? "no offsets committed yet, begins at \(configuration.worker.topics.start)")")
    }
    return code
  }
}
