import Glibc
import Sheaf
import SheafTesting
import Testing

@testable import SheafCommand

/// `serve`, `send`, `check` and `inspect` as processes, on the embedded broker, with MiniLM.
@Suite struct ServeTests {
  let broker = try! EmbeddedBroker(topics: [("requests", 2), ("replies", 2), ("dead", 1)])
  let directory = try! TemporaryDirectory()

  @Test func sendIsAnsweredByServeAndTermEndsItClean() throws {
    let serve = try Sheaf(["serve", "--config", try minilmConfiguration(broker.bootstrap, in: directory)])
    try writeText("one line\nanother\n\nfour", to: directory.path + "/lines")
    let (code, lines) = try Sheaf.run("send", "--bootstrap", broker.bootstrap, "--file", directory.path + "/lines", "first", "second")
    // An empty text is a text: it is answered too.
    #expect(code == 0)
    #expect(lines.last == "6 sent, 6 answered, 0 failed")
    #expect(lines.count == 7 && lines.dropLast().allSatisfy { $0.contains(#""datatype":"FP32","shape":[1,384]"#) })

    // An error reply is a failure, and its record a dead letter.
    let bad = try Sheaf.run("send", "--bootstrap", broker.bootstrap, "--format", "json", "{")
    #expect(bad.code == 1)
    #expect(bad.lines.first?.contains(#""error""#) == true)
    #expect(bad.lines.last == "1 sent, 0 answered, 1 failed")
    #expect(try broker.client.consume("dead", count: 1).map(\.text) == ["{"])

    serve.process.signal(SIGTERM)
    let end = try serve.end(within: 30)
    #expect(end.code == 0, "\(end.lines)")
    #expect(try broker.client.committed("embeddings", "requests").reduce(0) { $0 + max(0, $1) } == 7)
  }

  /// SIGHUP: batching parameters at once, the rest is named, and a file with a fault changes nothing.
  @Test func batchingChangesWhileItServes() throws {
    let path = try minilmConfiguration(broker.bootstrap, in: directory), text = try readText(path)
    let serve = try Sheaf(["serve", "--config", path])
    defer { serve.process.signal(SIGKILL) }
    // While the model loads, it is kept for later.
    try #require(looks(for: 20) { try readText("/proc/\(serve.process.pid)/maps").contains("libonnxruntime") })
    try writeText(text + "\n    batch: { maxRows: 9 }\n", to: path)
    serve.process.signal(SIGHUP)
    #expect(serve.waits(for: "models.batch.maxRows: 9", seconds: 60))
    #expect(try Sheaf.run("send", "--bootstrap", broker.bootstrap, "one").code == 0)
    func reload(_ text: String, until line: String) throws {
      try writeText(text, to: path)
      serve.process.signal(SIGHUP)
      #expect(serve.waits(for: line, seconds: 20), "\(line)")
    }
    try reload(text + "\n    batch: { maxRows: 7 }\n", until: "reloaded: models.batch.maxRows: 7, from the next batch on")
    try reload(text + "\n    batch: { maxRows: 7 }\nlimits: { span: 1234 }\n", until: "not reloaded: limits.span: at the next start")
    try reload(text + "\nlimit: 3\n", until: "limit: unknown key")
    #expect(try Sheaf.run("send", "--bootstrap", broker.bootstrap, "two").code == 0)
    // A pipe that nobody writes to is not waited for: signals go on to be obeyed.
    unlink(path)
    mkfifo(path, 0o600)
    serve.process.signal(SIGHUP)
    #expect(serve.waits(for: "not reloaded: \(path): cannot be read", seconds: 20))
    serve.process.signal(SIGTERM)
    #expect(serve.process.wait(seconds: 30) == .code(0))
  }

  @Test func untilEndWorksOffWhatIsThere() throws {
    try broker.client.produce("requests", (0..<20).map { TestRecord("text \($0)", partition: $0 % 2) })
    let (code, lines) = try Sheaf.run("serve", "--config", try minilmConfiguration(broker.bootstrap, in: directory), "--until", "end")
    #expect(code == 0, "\(lines)")
    #expect(try broker.client.endOffsets("replies").reduce(0, +) == 20)
    #expect(try broker.client.committed("embeddings", "requests") == [10, 10])
  }

  /// What a killed worker may have begun is run by the next in a child process: the same command, the same model.
  @Test func whatAKilledWorkerHadBegunIsRunInAChild() throws {
    let count = 400
    try broker.client.produce("requests", (0..<count).map { TestRecord("text \($0)", partition: Int32($0 % 2)) })
    let path = try minilmConfiguration(broker.bootstrap, in: directory)
    let first = try Sheaf(["serve", "--config", path, "--set", "kafka.session.timeout.ms=6000"])
    while try broker.client.endOffsets("replies").reduce(0, +) < 50 { try #require(first.process.isRunning) }
    first.process.signal(SIGKILL)
    let second = try Sheaf(["serve", "--config", path, "--until", "end", "--set", "kafka.session.timeout.ms=6000"])
    // The child is what the worker was when it started, whatever has become of the file.
    #expect(second.waits(for: "joining group", seconds: 60))
    try writeText("kafka: [", to: path)
    let (code, lines) = try second.end(within: 120)
    #expect(code == 0 && lines.contains { $0.contains("are run in a child process") } && !lines.contains { $0.contains("no child process") }, "\(lines)")
    #expect(try broker.client.committed("embeddings", "requests") == [200, 200])
    let replies = try broker.client.consume("replies", count: Int(try broker.client.endOffsets("replies").reduce(0, +)))
    #expect(Set(replies.compactMap { $0.header("sheaf_id") }).count == count && replies.allSatisfy { $0.header("sheaf_error") == nil })
  }

  @Test func nobodyAnswers() throws {
    let (code, lines) = try Sheaf.run("send", "--bootstrap", broker.bootstrap, "--timeout", "500ms", "hello")
    #expect(code == 1)
    #expect(lines == ["sheaf: send: 1 of 1 requests were not answered within 500ms; is a worker running on this topic?"])
    let other = try Sheaf.run("send", "--bootstrap", broker.bootstrap, "--topic", "nowhere", "hello")
    #expect(other.code == 1)
    #expect(other.lines.count == 1 && other.lines[0].contains("there is no topic nowhere; create it, or name one that exists"))
  }

  /// Where nothing has to be finished, the first signal ends it, as shells count.
  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)]) func signalsEndAWaitingClient(_ signal: Int32, _ code: Int32) throws {
    let send = try Sheaf(["send", "--bootstrap", broker.bootstrap, "hello"])
    #expect(try broker.client.consume("requests", count: 1).count == 1)
    send.process.signal(signal)
    #expect(send.process.wait(seconds: 10) == .code(code))
  }

  @Test func checkFindsNothing() throws {
    let (code, lines) = try Sheaf.run("check", "--config", try minilmConfiguration(broker.bootstrap, in: directory))
    #expect(code == 0, "\(lines)")
    #expect(lines.first == "configuration  fine")
    #expect(lines.filter { $0.hasPrefix("signals        memory: ") || $0.hasPrefix("signals        processors: ") }.count == 2)
    #expect(lines.contains("topic          requests: 2 partitions"))
    #expect(lines.last == "group          embeddings: no offsets committed yet, begins at earliest")
  }

  @Test func checkFindsEveryMissingTopic() throws {
    let path = try minilmConfiguration(broker.bootstrap, in: directory, topics: "requests: [requests, asked], replies: answers, deadLetters: lost")
    let (code, lines) = try Sheaf.run("check", "--config", path)
    #expect(code == 1)
    #expect(lines.filter { $0.hasPrefix("sheaf: ") } == [
      "sheaf: topics.replies: answers: there is no such topic; create it, or name one that exists",
      "sheaf: topics.deadLetters: lost: there is no such topic; create it, or name one that exists",
      "sheaf: topics.requests: asked: there is no such topic; create it, or name one that exists",
    ])
  }

  /// The model's fault and the broker's are both told.
  @Test func checkGoesOnAfterAFault() throws {
    let path = try minilmConfiguration("localhost:1", in: directory)
    try writeText("no model", to: directory.path + "/bad.onnx")
    let (code, lines) = try Sheaf.run("check", "--config", path, "--set", "models.path=\(directory.path)/bad.onnx")
    #expect(code == 1 || code == 2)
    #expect(lines.contains { $0.contains("bad.onnx") })
    #expect(lines.contains { $0.hasPrefix("sheaf: kafka.bootstrap.servers: localhost:1: no broker answered") })
    #expect(lines.count == 3)
  }

  @Test func inspectShowsTheContract() throws {
    let (code, lines) = try Sheaf.run("inspect", try Installed.minilm)
    #expect(code == 0)
    #expect(lines.contains("input    input_ids INT64 [batch*, sequence~], padded with 0"))
    #expect(lines.contains("batch    any number of rows"))
    #expect(lines.contains("note     rows of unlike length run together, padded with 0: attention_mask tells padding apart"))
    #expect(lines.contains("text     requests may be plain text, of 256 tokens at most unless models.maxLength says otherwise; or pairs of texts, as JSON"))
    #expect(lines.contains(#"request  {"text":"a text"}"#))
  }
}
