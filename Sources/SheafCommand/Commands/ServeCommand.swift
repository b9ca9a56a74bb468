import Glibc
import Sheaf
import SheafModels
import Synchronization

enum ServeCommand: Subcommand {
  static let summary = "start a worker"
  static let options = [
    Option("config", "FILE", "the configuration; default sheaf.yaml"),
    Option("set", "KEY=VALUE", "overrides a setting; may be given more than once", repeats: true),
    Option("until", "end", "work off what is in the topics now, commit and exit"),
  ]
  static var help: String {
    """
    usage: sheaf serve [--config FILE] [--set KEY=VALUE]… [--until end]

    Consumes the request topics, runs records through the model in batches, publishes every result to the reply topic, and
    commits offsets once the results are acknowledged. SIGTERM or control-C finishes what has begun, commits and exits with 0;
    another one, a second or more later, exits at once. SIGHUP reads the file again: models.batch is obeyed by the
    next batch. A worker that is held, after a flood of failures, goes on at SIGUSR1 or by itself. Start more of them to share the partitions of one group.

    \(options.help)

    A file to begin with:

      kafka:
        bootstrap.servers: localhost:9092
        group.id: embeddings
      topics: { requests: [requests], replies: replies }
      models:
        - path: models/minilm
          batch: { maxRows: 32, maxWait: 5ms }

    Settings, which the environment (SHEAF_TOPICS_REPLIES for topics.replies) and --set override:

    \(Reference.plain)
    """
  }

  /// The configuration as it was when the worker started: its children do as it does, whatever has become of the file.
  private static let startVariable = "SHEAF_STARTED_WITH"
  private static var startedWith: [UInt8]? { getenv(startVariable).map { Array(String(cString: $0).utf8) } }

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, command: "serve")
    if let until = arguments["until"], until != "end" { throw UsageError("serve: --until \(until): unknown; write --until end") }
    let path = arguments["config"] ?? "sheaf.yaml"
    let bytes = Worker.isIsolatedChild ? startedWith : readFile(path)
    var configuration = try ServeConfiguration(path: path, sets: arguments.all("set"), bytes: bytes)
    // What a variable can hold.
    if let bytes, bytes.count < 100_000 { setenv(startVariable, String(decoding: bytes, as: UTF8.self), 1) }
    configuration.worker.untilEnd = arguments.has("until")
    Signals.onStop { _exit(ExitCode.success) }  // Nothing has begun.
    let asked = Atomic(false)
    Signals.onReload { asked.store(true, ordering: .sequentiallyConsistent) }
    do {
      let model = try configuration.loadModel()
      if Worker.isIsolatedChild {
        // Runs batches for its parent, which has checked all that follows, and returns only where the model is not the parent's.
        _ = try Worker(model: model, configuration: configuration.worker)
        return ExitCode.failure
      }
      configuration.worker.log = { Terminal.note("sheaf: \($0)") }
      let check = try ModelCheck(model, configuration), warm = check.warmUp
      for line in check.lines { Terminal.note("sheaf: \(model.name): \(line)") }
      if let example = check.example { Terminal.note("sheaf: \(model.name): a request is \(example)") }
      if configuration.model.warmUp > 0 {
        Terminal.note("sheaf: \(model.name) on \(configuration.model.device), \(configuration.worker.lanes) lanes, \(model.text.map { "texts of \($0.maxLength) tokens at most (\(configuration.model.truncation == .error ? "longer ones fail" : "longer ones are cut")), " } ?? "")warmed up with \(warm.ran.count) of \(warm.ran.count + warm.skipped.count) batch shapes")
      }
      let store = configuration.profileStore(model)
      var profile = store.read() ?? RunProfile()
      if profile.isEmpty { for (shape, time) in warm.ran { profile.observe(rows: shape.rows, length: shape.length, time: time) } }
      configuration.worker.profile = profile
      let worker = try Worker(model: model, configuration: configuration.worker)
      Signals.onStop { worker.stop() }
      Signals.onResume { worker.resume() }
      let reload = Mutex(Reload(path: path, sets: arguments.all("set"), present: configuration, log: configuration.worker.log))
      let obey: @Sendable () -> Void = { if let batch = reload.withLock({ $0.run() }) { worker.batch = batch } }
      Signals.onReload(obey)
      if asked.load(ordering: .sequentiallyConsistent) { obey() }
      defer { store.write(worker.profile) }
      try await worker.run()
      return ExitCode.success
    } catch let error as ConfigurationError {
      throw UsageError("configuration: \(error)")
    }
  }
}
