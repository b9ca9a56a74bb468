import SheafTesting
import Testing

@testable import SheafCommand

/// What the shell is told: 0 fine, 1 the run failed, 2 the command line or the configuration is wrong; and one line that says why.
@Suite struct ExitCodeTests {
  struct Case: Sendable {
    var arguments: [String]
    var code: Int32 = ExitCode.usage
    var line: String
  }

  static let cases = [
    Case(arguments: ["--version"], code: 0, line: "sheaf \(Command.version)"),
    Case(arguments: ["help"], code: 0, line: "sheaf answers Kafka records with batched model inference."),
    Case(arguments: ["--help"], code: 0, line: "sheaf answers Kafka records with batched model inference."),
    Case(arguments: [], line: "sheaf answers Kafka records with batched model inference."),
    Case(arguments: ["serv"], line: "sheaf: unknown command serv; did you mean serve?; `sheaf help` lists the commands"),
    Case(arguments: ["--verbose"], line: "sheaf: unknown option --verbose; `sheaf help` lists the commands"),
    Case(arguments: ["help", "serv"], line: "sheaf: unknown command serv; did you mean serve?; `sheaf help` lists the commands"),
    Case(arguments: ["serve", "--confg", "a"], line: "sheaf: serve: unknown option --confg; did you mean --config?; `sheaf help serve` lists the options"),
    Case(arguments: ["serve", "--config"], line: "sheaf: serve: --config has no value; write --config FILE"),
    Case(arguments: ["serve", "--config", "a", "--config=b"], line: "sheaf: serve: --config is given twice; give it once"),
    Case(arguments: ["serve", "--until", "now"], line: "sheaf: serve: --until now: unknown; write --until end"),
    Case(arguments: ["serve", "more"], line: "sheaf: serve: unexpected argument more; `sheaf help serve` says what it takes"),
    Case(arguments: ["serve", "--config", "nowhere.yaml"], line: "sheaf: nowhere.yaml: cannot be read: No such file or directory; name a YAML file with --config"),
    Case(arguments: ["check", "--config", "/dev/null"], line: "sheaf: null:1:1: is empty; write at least kafka, topics and models; `sheaf help serve` shows an example"),
    Case(arguments: ["inspect"], line: "sheaf: inspect: names no model; write sheaf inspect model.onnx"),
    Case(arguments: ["send"], line: "sheaf: send: no request; write it as an argument, or name a file with --file"),
    Case(arguments: ["send", "--format", "xml", "a"], line: "sheaf: send: --format xml: unknown; write text, json or raw"),
    Case(arguments: ["send", "--timeout", "5", "a"], line: "sheaf: send: --timeout 5: has no unit; write 5ms, or another of us, ms, s, min, h"),
    Case(arguments: ["audit"], line: "sheaf: audit: no request topic; name it with --requests, or a configuration with --from-config"),
    Case(arguments: ["audit", "--requests", "a"], line: "sheaf: audit: no reply topic; name it with --replies, or a dead-letter topic with --dead-letters"),
    Case(arguments: ["send", "--file", "nowhere"], line: "sheaf: send: --file nowhere: No such file or directory; name a file that can be read"),
  ]

  @Test(arguments: cases) func isTold(_ wanted: Case) throws {
    let (code, lines) = try Sheaf(wanted.arguments).end()
    #expect(code == wanted.code)
    #expect(lines.first == wanted.line)
    #expect(wanted.code != ExitCode.usage || wanted.arguments.isEmpty || lines.count == 1)
  }

  /// Every command explains itself, by either spelling.
  @Test(arguments: Command.subcommands.map(\.name)) func explainsItself(_ name: String) throws {
    let (code, lines) = try Sheaf.run(name, "--help")
    #expect(code == 0)
    #expect(lines.first?.hasPrefix("usage: sheaf \(name)") == true)
    #expect(try Sheaf.run("help", name).lines == lines)
  }

  @Test func unreachableBroker() throws {
    let (code, lines) = try Sheaf.run("send", "--bootstrap", "localhost:1", "--timeout", "1s", "hello")
    #expect(code == 1)
    #expect(lines.count == 1 && lines[0].contains("localhost:1") && lines[0].contains("Connection refused"))
  }
}
