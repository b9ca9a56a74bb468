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

    Reads the configuration, loads the model, runs rows alone, in a batch and padded to see that batching does not change their
    answers, says what can be seen of memory, processors and GPU, and asks the cluster for the topics and the group's offsets.
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
      if model.signature.maxRows == 1 || configuration.worker.batch.maxRows == 1 {
        Terminal.print("batching       one record at a time")
      } else {
        do {
          let check = try BatchCheck(model)
          for line in check.lines { Terminal.print("batching       \(line)") }
          if let problem = check.problem {
            if configuration.model.acceptUnsafeBatching { Terminal.print("batching       accepted by models.acceptUnsafeBatching: \(problem)") } else {
              fail("models.acceptUnsafeBatching: false: \(problem); set models.batch.maxRows: 1, or accept it with models.acceptUnsafeBatching: true")
            }
          }
        } catch {
          fail("models.path: \(configuration.model.path): the model does not run on made-up rows: \(error); see `sheaf inspect`")
        }
      }
    } catch let error as ConfigurationError {
      fail("configuration: \(error)", ExitCode.usage)
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

extension BatchCheck {
  /// A line for each output.
  var lines: [String] {
    outputs.map { output in
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
