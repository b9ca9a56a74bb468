import Glibc
import Sheaf
import SheafTesting
import Testing

@testable import SheafCommand

/// `tune` and `inspect --profile` as processes, with MiniLM and budgets of seconds; and what they print, of made-up measurements.
@Suite struct TuneTests {
  let directory = try! TemporaryDirectory()

  @Test func measuresWritesAndGoesOn() throws {
    let minilm = try Installed.minilm
    let keep = ["--set", "models.profile=\(directory.path)/kept"]
    let (code, lines) = try Sheaf(["tune", minilm, "--budget", "8s", "--target", "200ms", "--html", directory.path + "/tune.html", "--svg", directory.path + "/tune.svg"] + keep).end(within: 120)
    #expect(code == 0, "\(lines)")
    #expect(lines.contains { $0.hasPrefix("knee: ") } && lines.contains { $0.hasPrefix("recommended within 200ms: ") || $0.hasPrefix("nothing answers within 200ms") })
    let profiles = lines.compactMap { $0.hasPrefix("profile ") ? String($0.split(separator: " ")[1]) : nil }
    #expect(profiles.count == Set(LaneLayout.ofProcessor(Processors.available()).map(\.threads)).count)

    // The block is a configuration, and a worker that has it begins with the profile.
    let block = lines.drop { $0 != "models:" }.prefix(5).joined(separator: "\n")
    let serve = configuration("kafka: { bootstrap.servers: a, group.id: b }\ntopics: { requests: [c], replies: d }\n\(block)\n    profile: \(directory.path)/kept", environment: [:])
    #expect(serve.model.path == minilm && serve.worker.batch.policy == .adaptive && serve.worker.batch.adaptive.latencyTarget == 200_000_000)
    #expect(serve.worker.batch.maxTokens >= 128)
    var loading = serve
    let store = loading.profileStore(try loading.loadModel())
    #expect(profiles.contains(store.path ?? ""))
    #expect(store.read()?.knows(rows: 1, length: 32) == true)

    let svg = try readText(directory.path + "/tune.svg"), html = try readText(directory.path + "/tune.html")
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>") && svg.contains("knee") && html.contains(svg))
    #expect(!html.contains("<script") && !html.contains("src=") && !html.contains("href="))

    // What one thread's profile says.
    let inspect = try Sheaf.run("inspect", "--profile", profiles[0])
    #expect(inspect.code == 0 && inspect.lines.first?.hasPrefix("measured     ") == true && inspect.lines.contains { $0.hasSuffix("*") || $0.contains("* ") }, "\(inspect.lines)")
    let all = try Sheaf(["inspect", "--profile", minilm] + keep).end()
    #expect(all.code == 0 && all.lines.filter { $0.contains("/kept/") }.count == profiles.count, "\(all.lines)")

    // Again, at once: what was measured is still there.
    let again = try Sheaf(["tune", minilm, "--budget", "1ms", "--target", "200ms"] + keep).end()
    #expect(again.code == 0 && again.lines.contains { $0.contains("rounds were measured earlier") }, "\(again.lines)")
    let fresh = try Sheaf(["tune", minilm, "--budget", "1ms", "--fresh"] + keep).end()
    #expect(!fresh.lines.contains { $0.contains("measured earlier") })
  }

  @Test func aSignalEndsItWithWhatThereIs() throws {
    let tune = try Sheaf(["tune", try Installed.minilm, "--budget", "5min", "--set", "models.profile=\(directory.path)/kept"])
    #expect(tune.waits(for: " rounds; ", seconds: 60))
    tune.process.signal(SIGINT)
    let (code, lines) = try tune.end(within: 60)
    #expect(code == ExitCode.interrupted && lines.contains { $0.hasPrefix("knee: ") } && lines.contains { $0.hasPrefix("profile ") }, "\(lines)")
    #expect(lines.contains { $0.hasSuffix("started again, it goes on") })
    #expect(fileNames(in: directory.path + "/kept").contains { $0.hasSuffix(".tune") })
  }

  static let refused: [(arguments: [String], line: String)] = [
    (["tune", "--budget", "5"], "sheaf: tune: --budget 5: has no unit; write 5ms, or another of us, ms, s, min, h"),
    (["tune", "--target", "2h"], "sheaf: tune: --target 2h: out of range; write 1ms to 1h"),
    (["tune", "--length", "long"], "sheaf: tune: --length long: not a number of tokens; write one from 1"),
    (["tune", "nowhere"], "sheaf: tune: nowhere: No such file or directory; name an ONNX file or a folder that holds model.onnx"),
    (["tune", "a", "--config", "b"], "sheaf: tune: a and --config both name a model; give one"),
    (["tune", "--config", "nowhere.yaml"], "sheaf: nowhere.yaml: cannot be read: No such file or directory; name a YAML file with --config"),
    (["tune", "--svg", "/nowhere/a.svg"], "sheaf: tune: --svg /nowhere/a.svg: cannot be written; name a file in a folder that can be"),
    (["inspect", "--profile", "nowhere"], "sheaf: inspect: --profile nowhere: No such file or directory; name a profile, or a model"),
    (["inspect", "--profile", "/dev/null"], "sheaf: inspect: --profile /dev/null: not a whole profile of this version; name one, or a model (a folder, or a file ending in .onnx)"),
    (["inspect", "--profile", "a", "b"], "sheaf: inspect: unexpected argument b; --profile names what is printed"),
  ]

  @Test(arguments: refused) func isRefused(_ arguments: [String], _ line: String) throws {
    let (code, lines) = try Sheaf(arguments).end()
    #expect(code == ExitCode.usage && lines == [line], "\(lines)")
  }

  @Test func nothingIsKnownYet() throws {
    let (code, lines) = try Sheaf(["inspect", "--profile", try Installed.minilm, "--set", "models.profile=\(directory.path)"]).end()
    #expect(code == ExitCode.failure && lines.count == 1 && lines[0].contains("`sheaf tune"), "\(lines)")
    let long = try Sheaf(["tune", try Installed.minilm, "--length", "4000"]).end()
    #expect(long.code == ExitCode.usage && long.lines == ["sheaf: tune: --length 4000: the model takes 256 at most; lower it"], "\(long.lines)")
  }

  @Test func whatWasMeasuredComesBackFromItsFile() {
    let layout = LaneLayout(lanes: 2, threads: 1)
    var tuned = TuneMachine(layouts: [layout], shapes: [.init(rows: 1, length: 8), .init(rows: 2, length: 8)], length: 8, target: 1)
    tuned.record(TuneCell(layout, .init(rows: 1, length: 8)), 5)
    tuned.record(TuneCell(layout, .init(rows: 1, length: 8)), 7)
    tuned.record(TuneCell(layout, .init(rows: 2, length: 8)), 9)
    func read(_ text: String) -> [TuneCell: [Nanoseconds]] {
      var rounds: [TuneCell: [Nanoseconds]] = [:]
      TuneFile.read(text) { rounds[$0, default: []].append($1) }
      return rounds
    }
    let text = TuneFile.text(tuned)
    #expect(read(text) == tuned.rounds)
    #expect(read("another " + text).isEmpty && read("").isEmpty)
    // Broken lines are passed over, whole ones kept.
    #expect(read(text + "1 1 1\n1 1 x 8 5\n1 1 1 8 -5\n1 1 1 8 0\n") == tuned.rounds)
  }

  @Test func figuresHaveThreeDigits() {
    #expect([0, 0.0123, 0.9996, 1.005, 9.996, 12.34, 99.96, 1234.5].map(Figures.short) == ["0.000", "0.012", "1.00", "1.00", "10.0", "12.3", "100", "1235"])
    #expect(Figures.table([["", "a"], ["10", "b"], ["1", "long"]]) == ["       a", "10     b", " 1  long"])
  }
}
