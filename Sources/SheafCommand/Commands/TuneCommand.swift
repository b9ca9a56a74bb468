import Glibc
import Sheaf
import Synchronization

enum TuneCommand: Subcommand {
  static let summary = "measure a model on this machine, and say what to set"
  static let options = [
    Option("config", "FILE", "the configuration whose model is measured; default sheaf.yaml, where no MODEL is named"),
    Option("set", "KEY=VALUE", "overrides a setting; may be given more than once", repeats: true),
    Option("budget", "TIME", "how long to measure at most; default 60s"),
    Option("target", "TIME", "what an answer may take; default models.batch.latencyTarget, 100ms"),
    Option("length", "TOKENS", "how long the texts are that the frontier is drawn for; default 32"),
    Option("html", "FILE", "writes the frontier and the tables as one page"),
    Option("svg", "FILE", "writes the frontier as one picture"),
    Option("fresh", nil, "measures all anew, instead of going on where an earlier tune stopped"),
  ]
  static var help: String {
    """
    usage: sheaf tune [MODEL | --config FILE] [--budget TIME] [--target TIME] [--html FILE] [--svg FILE]

    Runs a model in batches of made-up rows: rows × length, with lanes and threads as this machine's processors can be shared out
    (as many lanes as processors, one lane of all threads, and what lies between). No Kafka is needed. Prints what runs take, what
    gets done a second, the frontier of throughput and latency with its knee, and a configuration to copy. Writes what was learned to
    the model's profile, which `sheaf serve` starts with (models.profile). Times are of runs alone: reading and sending records come on top.

    Each shape is run in five rounds, interleaved, and the median counts; shapes that would take longer than twice the target are left
    out. Control-C ends it with what there is; started again it goes on.

    \(options.help)

    Exit code 0: measured; 1: the model does not run, or the budget was too short for anything; 2: the command line is wrong;
    130: interrupted.

    Examples:
      sheaf tune models/minilm --html tune.html
      sheaf tune --config sheaf.yaml --target 50ms --budget 2min
    """
  }

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, rest: 1, command: "tune")
    let budget = try duration(arguments, "budget") ?? 60_000_000_000, target = try duration(arguments, "target")
    let length = try arguments["length"].map { text throws(UsageError) in
      guard let number = Int(text), number > 0 else { throw UsageError("tune: --length \(text): not a number of tokens; write one from 1") }
      return number
    }
    for option in ["html", "svg"] {
      guard let path = arguments[option] else { continue }
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
      if isDirectory(path) || access(folder, W_OK) != 0 { throw UsageError("tune: --\(option) \(path): cannot be written; name a file in a folder that can be") }
    }
    var configuration = try configured(arguments)
    if let target { configuration.worker.batch.adaptive.latencyTarget = target }

    let stopped = Stopped()
    Signals.onStop { stopped.flag.store(true, ordering: .relaxed) }
    do {
      var tune = try Tune(configuration, budget: budget, length: length, fresh: arguments.has("fresh"))
      let layouts = tune.machine.layouts.map(\.description).joined(separator: ", ")
      Terminal.note("sheaf: \(tune.model.name) on \(configuration.model.device), \(Processors.available()) processors; lanes×threads \(layouts); \(Units.text(duration: budget)) at most")
      try tune.run { stopped.flag.load(ordering: .relaxed) }
      let wasStopped = stopped.flag.load(ordering: .relaxed)
      guard let report = TuneReport(tune.machine, longest: tune.longest, isText: tune.model.text != nil, isPadded: tune.isPadded, model: configuration.model) else {
        throw ExitError(code: wasStopped ? ExitCode.interrupted : ExitCode.failure, lines: ["tune: nothing was measured in \(Units.text(duration: budget)); give it more with --budget"])
      }
      let (done, all) = tune.machine.progress
      Terminal.print("measured     \(done) of \(all) rounds\(done < all ? "; started again, it goes on" : "")")
      if tune.machine.fewestRounds < 3 { Terminal.print("noise        some shapes were measured \(tune.machine.fewestRounds == 1 ? "once" : "twice") only: go on for figures to rely on") }
      for path in tune.writeProfiles() { Terminal.print("profile      \(path)") }
      for line in report.lines { Terminal.print(line) }
      let picture = FrontierPicture(report)
      for (option, text) in [("html", picture.html), ("svg", picture.svg)] {
        guard let path = arguments[option] else { continue }
        if !replaceFile(path, Array(text.utf8)) { throw ExitError(code: ExitCode.failure, lines: ["tune: \(path): cannot be written: \(String(cString: strerror(errno)))"]) }
      }
      return wasStopped ? ExitCode.interrupted : ExitCode.success
    } catch let error as ConfigurationError {
      throw UsageError("configuration: \(error)")
    }
  }

  private static func duration(_ arguments: Arguments, _ name: String) throws(UsageError) -> Nanoseconds? {
    guard let text = arguments[name] else { return nil }
    do throws(Units.Wrong) {
      let time = try Units.duration(text)
      if time >= 1_000_000, time <= SettingsTable.hour { return time }
    } catch { throw UsageError("tune: --\(name) \(text): \(error.problem); \(error.fix)") }
    throw UsageError("tune: --\(name) \(text): out of range; write 1ms to 1h")
  }

  /// The file's configuration, or one of the named model alone.
  private static func configured(_ arguments: Arguments) throws -> ServeConfiguration {
    guard let path = arguments.rest.first else { return try ServeConfiguration(path: arguments["config"] ?? "sheaf.yaml", sets: arguments.all("set")) }
    if arguments.has("config") { throw UsageError("tune: \(path) and --config both name a model; give one") }
    return try ServeConfiguration(model: path, sets: arguments.all("set"), command: "tune")
  }
}

private final class Stopped: Sendable {
  let flag = Atomic(false)
}
