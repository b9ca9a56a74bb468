import Glibc
import Sheaf

/// One of the things `sheaf` does: `sheaf NAME …`.
protocol Subcommand: SendableMetatype {
  /// One line for the list of commands.
  static var summary: String { get }
  /// What `sheaf help NAME` prints: usage, what it does, options, examples.
  static var help: String { get }
  /// Does it. `arguments` are those after the name.
  /// - Returns: the exit code. A thrown `UsageError` or refused configuration ends with 2, anything else thrown with 1.
  static func run(_ arguments: [String]) async throws -> Int32
}

/// The command `sheaf`: finds the subcommand, and turns what it throws into a line and an exit code.
@main
enum Command {
  static let version = "0.1.0"

  static let subcommands: [(name: String, command: any Subcommand.Type)] = [
    ("serve", ServeCommand.self),
    ("check", CheckCommand.self),
    ("inspect", InspectCommand.self),
    ("tune", TuneCommand.self),
    ("send", SendCommand.self),
    ("audit", AuditCommand.self),
    ("broker", BrokerCommand.self),
    ("demo", DemoCommand.self),
    ("help", HelpCommand.self),
  ]

  static func main() {
    // Before any other thread starts, so that every thread has them blocked; an async main has threads already.
    if !Worker.isIsolatedChild { Signals.install() }
    signal(SIGPIPE, SIG_IGN)
    Task.detached {
      let code = await run(Array(CommandLine.arguments.dropFirst()))
      // Not exit: what it tears down, a lane that was not waited for may still use. Every line printed is flushed already.
      _exit(code)
    }
    while true { pause() }
  }

  static func run(_ arguments: [String]) async -> Int32 {
    do {
      guard let name = arguments.first else {
        Terminal.print(HelpCommand.overview)
        return ExitCode.usage
      }
      let rest = Array(arguments.dropFirst())
      switch name {
      case "--help", "-h":
        return try await HelpCommand.run(rest)
      case "--version":
        Terminal.print("sheaf \(version)")
        return ExitCode.success
      default:
        let command = try subcommand(name)
        if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
          return try await HelpCommand.run([name])
        }
        return try await command.run(rest)
      }
    } catch let error as UsageError {
      Terminal.error(error.description)
      return ExitCode.usage
    } catch let error as ExitError {
      error.lines.forEach { Terminal.error($0) }
      return error.code
    } catch {
      Terminal.error("\(error)")
      return ExitCode.failure
    }
  }

  static func subcommand(_ name: String) throws -> any Subcommand.Type {
    if let found = subcommands.first(where: { $0.name == name }) { return found.command }
    let kind = name.hasPrefix("-") ? "option" : "command"
    throw UsageError("unknown \(kind) \(name)\(didYouMean(name, among: subcommands.map(\.name))); `sheaf help` lists the commands")
  }
}
