import SheafKafka
import Testing

@testable import SheafCommand

/// Every way to get a configuration wrong is one line: place, key, value, what is wrong, what to do.
@Suite struct ConfigurationFaultTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var text: String
    var sets: [String] = []
    var environment: [String: String] = [:]
    var line: String
    var testDescription: String { name }
  }

  static let syntax = [
    Case(name: "empty", text: "", line: "sheaf.yaml:1:1: is empty; write at least kafka, topics and models; `sheaf help serve` shows an example"),
    Case(name: "comments only", text: "# nothing\n", line: "sheaf.yaml:1:1: is empty; write at least kafka, topics and models; `sheaf help serve` shows an example"),
    Case(name: "a text", text: "hello", line: "sheaf.yaml:1:1: is not a mapping; write keys and values below it"),
    Case(name: "tab", text: file(2, "\tbootstrap.servers: localhost:9092"), line: "sheaf.yaml:2:1: a tab where YAML wants spaces; indent with spaces"),
    Case(name: "open bracket", text: file(4, "topics: { requests: [requests"), line: "sheaf.yaml:5:7: did not find expected ',' or ']'; check the indentation, colons, brackets and quotes here"),
    Case(name: "two keys of one name", text: file(3, "  bootstrap.servers: other:9092"), line: "sheaf.yaml:3:3: bootstrap.servers is there twice, first in line 2; keep one of them"),
    Case(name: "alias", text: file(3, "  group.id: *name"), line: "sheaf.yaml:3:13: an alias (*name); write the value out, or quote a text that begins with *"),
    Case(name: "anchor", text: file(3, "  group.id: &name a"), line: "sheaf.yaml:3:13: an anchor (&name); write the value out, or quote a text that begins with &"),
    Case(name: "tag", text: file(3, "  group.id: !!str a"), line: "sheaf.yaml:3:13: a tag (!name); leave it out, or quote a text that begins with !"),
    Case(name: "a list as key", text: file(3, "  [a]: b"), line: "sheaf.yaml:3:3: a key that is a list or a mapping; write a name before the colon"),
    Case(name: "too deep", text: file(adding: "x: " + String(repeating: "[", count: 40_000)), line: "sheaf.yaml:7:19: nested deeper than 16 levels; no setting is that deep; check the brackets"),
    Case(name: "two documents", text: file(adding: "---\na: b"), line: "sheaf.yaml:7:1: a second document; keep one document a file"),
  ]

  static let keys = [
    Case(name: "unknown", text: file(adding: "topic: {}"), line: "sheaf.yaml:7:1: topic: unknown key; `sheaf help serve` lists the keys"),
    Case(name: "misspelt", text: file(4, "topics: { requests: [requests], replys: replies, deadLetters: dlt }"), line: "sheaf.yaml:4:33: topics.replys: unknown key; did you mean topics.replies?; `sheaf help serve` lists the keys"),
    Case(name: "wrong section", text: file(adding: "    maxRows: 8"), line: "sheaf.yaml:7:5: models.maxRows: unknown key; did you mean models.batch.maxRows?; `sheaf help serve` lists the keys"),
    Case(name: "of an input", text: file(adding: "    inputs: { a.b: { padValu: 1 } }"), line: "sheaf.yaml:7:22: models.inputs.a.b.padValu: unknown key; did you mean models.inputs.a.b.padValue?; `sheaf help serve` lists the keys"),
    Case(name: "librdkafka's", text: file(3, "  group.idd: a"), sets: ["kafka.group.id=a"], line: "sheaf.yaml:3:14: kafka.group.idd: librdkafka VERSION has no such property; did you mean group.id?; correct its name, or leave it out"),
    Case(name: "nested property", text: file(adding: "limits: 5"), line: "sheaf.yaml:7:9: limits: is not a mapping; write keys and values below it"),
    Case(name: "models without a list", text: "models: { path: /dev/null }\n" + file().split(separator: "\n").prefix(4).joined(separator: "\n"), line: "sheaf.yaml:1:9: models: is not a list; begin the model's first line with a hyphen: - path: …"),
    Case(name: "two models", text: file(adding: "  - path: other.onnx"), line: "sheaf.yaml:6:3: models: has 2 models; this version serves one; start a worker for each"),
    Case(name: "mapping for a value", text: file(adding: "delivery: { a: b }"), line: "sheaf.yaml:7:11: delivery: is not at-least-once | exactly-once; write it as one value"),
    Case(name: "set without =", text: file(), sets: ["delivery"], line: "--set: delivery: has no =; write --set key=value"),
    Case(name: "set of nothing", text: file(), sets: ["topics.replys=x"], line: "--set: topics.replys: unknown key; did you mean topics.replies?; `sheaf help serve` lists the keys"),
    Case(name: "variable of nothing", text: file(), environment: ["SHEAF_TOPICS_REPLYS": "x"], line: "SHEAF_TOPICS_REPLYS: no setting has this variable; did you mean SHEAF_TOPICS_REPLIES?; correct its name, or unset it"),
  ]

  static let values = [
    Case(name: "no unit", text: file(adding: "    batch: { maxWait: 5 }"), line: "sheaf.yaml:7:23: models.batch.maxWait: 5: has no unit; write 5ms, or another of us, ms, s, min, h"),
    Case(name: "unknown unit", text: file(adding: "    batch: { maxWait: 5 parsecs }"), line: "sheaf.yaml:7:23: models.batch.maxWait: 5 parsecs: unknown unit parsecs; use one of us, ms, s, min, h, like 5ms"),
    Case(name: "no number", text: file(adding: "limits: { bytes: plenty }"), line: "sheaf.yaml:7:18: limits.bytes: plenty: not a whole number with a unit; write it like 16MiB"),
    Case(name: "decimal unit", text: file(adding: "limits: { bytes: 64MB }"), line: "sheaf.yaml:7:18: limits.bytes: 64MB: unknown unit MB; use one of B, KiB, MiB, GiB, like 16MiB"),
    Case(name: "out of range", text: file(adding: "    batch: { maxRows: 0 }"), line: "sheaf.yaml:7:23: models.batch.maxRows: 0: out of range; set a whole number, 1 to 1000000"),
    Case(name: "duration out of range", text: file(adding: "commit: { interval: 2h }"), line: "sheaf.yaml:7:21: commit.interval: 2h: out of range; set a duration, 1ms to 1h"),
    Case(name: "too large for anything", text: file(adding: "commit: { interval: 99999999999999999999h }"), line: "sheaf.yaml:7:21: commit.interval: 99999999999999999999h: too large; write a smaller number"),
    Case(name: "no integer", text: file(adding: "limits: { span: 1.5 }"), line: "sheaf.yaml:7:17: limits.span: 1.5: not a whole number; write digits alone"),
    Case(name: "no boolean", text: file(adding: "    acceptUnsafeBatching: yes"), line: "sheaf.yaml:7:27: models.acceptUnsafeBatching: yes: neither true nor false; write true or false"),
    Case(name: "choice", text: file(4, "topics: { requests: [a], replies: b, format: jsom }"), line: "sheaf.yaml:4:46: topics.format: jsom: not a value it takes: did you mean json?; set one of text, json, raw"),
    Case(name: "empty choice", text: file(4, "topics: { requests: [a], replies: b, format: }"), line: "sheaf.yaml:4:46: topics.format: \"\": not a value it takes; set one of text, json, raw"),
    Case(name: "no such delivery", text: file(adding: "delivery: at-most-once"), line: "sheaf.yaml:7:11: delivery: at-most-once: not a value it takes: did you mean at-least-once?; set one of at-least-once, exactly-once"),
    Case(name: "device", text: file(adding: "    devices: [gpu]"), line: "sheaf.yaml:7:14: models.devices: gpu: not a device; set cpu, cuda:0 or tensorrt:0"),
    Case(name: "two devices", text: file(adding: "    devices: [cuda:0, cuda:1]"), line: "sheaf.yaml:7:14: models.devices: cuda:0, cuda:1: this version runs a model on one device; set cpu, cuda:0 or tensorrt:0"),
    Case(name: "no such model", text: file(6, "  - path: nowhere.onnx"), line: "sheaf.yaml:6:11: models.path: nowhere.onnx: No such file or directory; name an ONNX file or a folder that holds model.onnx"),
    Case(name: "no model", text: file(6, "  - name: a"), line: "sheaf.yaml: models.path: is missing; name an ONNX file or a folder that holds model.onnx"),
    Case(name: "flag's value", text: file(), sets: ["limits.span=0"], line: "--set: limits.span: 0: out of range; set a whole number, 1 to 100000000"),
    Case(name: "variable's value", text: file(), environment: ["SHEAF_LIMITS_SPAN": "x"], line: "SHEAF_LIMITS_SPAN: limits.span: x: not a whole number; write digits alone"),
    Case(name: "line breaks in a value", text: file(adding: "delivery: \"a\\nb\""), line: "sheaf.yaml:7:11: delivery: a b: not a value it takes; set one of at-least-once, exactly-once"),
  ]

  static let rules = [
    Case(name: "no group", text: file(3, ""), line: "sheaf.yaml: kafka.group.id: is missing and has no default; name the consumer group that the workers share"),
    Case(name: "no brokers", text: file(2, ""), line: "sheaf.yaml: kafka.bootstrap.servers: is missing; name a broker, such as localhost:9092"),
    Case(name: "no requests", text: file(4, "topics: { replies: b }"), line: "sheaf.yaml: topics.requests: is empty; name at least one request topic"),
    Case(name: "no outcome", text: file(4, "topics: { requests: [a] }"), line: "sheaf.yaml: topics.replies: neither replies nor deadLetters is set, so no outcome would go anywhere; set topics.replies"),
    Case(name: "loop", text: file(4, "topics: { requests: [a], replies: a }"), line: "sheaf.yaml:4:35: topics.replies: a: is a request topic too, so replies would be read as requests; use another topic"),
    Case(name: "loop by pattern", text: file(4, "topics: { requests: [^re], replies: replies }"), line: "sheaf.yaml:4:37: topics.replies: replies: is a request topic too, so replies would be read as requests; use another topic"),
    Case(name: "bad pattern", text: file(4, "topics: { requests: ['^('], replies: b }"), line: "sheaf.yaml:4:21: topics.requests: ^(: is not a topic's name or pattern; use a name, or a regular expression that begins with ^"),
    Case(name: "bad topic", text: file(4, "topics: { requests: [a], replies: b c }"), line: "sheaf.yaml:4:35: topics.replies: b c: is not a topic's name; use letters, digits, dots, hyphens and underscores, 249 at most"),
    Case(name: "reserved", text: file(3, "  group.id: a\n  enable.auto.commit: true"), line: "sheaf.yaml:4:23: kafka.enable.auto.commit: true: reserved: offsets are committed once their replies are acknowledged; use commit.interval"),
    Case(name: "librdkafka's value", text: file(3, "  group.id: a\n  security.protocol: tls"), line: "sheaf.yaml:4:22: kafka.security.protocol: tls: Invalid value \"tls\" for configuration property \"security.protocol\"; correct the value, or leave it out"),
    Case(name: "reference to nothing", text: file(3, "  group.id: ${GROUP}"), line: "sheaf.yaml:3:13: kafka.group.id: ${GROUP} is not set; set the variable GROUP in the environment"),
    Case(name: "reference to no file", text: file(3, "  group.id: ${file:/nowhere}"), line: "sheaf.yaml:3:13: kafka.group.id: ${file:/nowhere}: No such file or directory; name a file that can be read"),
    Case(name: "open reference", text: file(3, "  group.id: ${GROUP"), line: "sheaf.yaml:3:13: kafka.group.id: ${ without }; close it"),
  ]

  @Test(arguments: syntax + keys + values + rules) func isOneLine(_ wrong: Case) {
    let expected = wrong.line.replacing("VERSION", with: librdkafkaVersion())
    #expect(faults(wrong.text, sets: wrong.sets, environment: wrong.environment) == [expected])
  }

  @Test func nothingIsWrongWithTheBase() {
    #expect(faults(file()).isEmpty)
  }

  @Test func bytesThatAreNotUTF8() {
    let text = Array("kafka:\n  group.id: ".utf8) + [0xff, 0xfe, 0x0a]
    #expect(faults(text) == ["sheaf.yaml:2:13: not UTF-8 text (invalid leading UTF-8 octet); save the file as UTF-8"])
    #expect(faults([0]).first?.hasPrefix("sheaf.yaml:1:1: not UTF-8 text") == true)
  }

  @Test func allFaultsAreFoundAtOnceInTheOrderOfTheFile() {
    let text = file(4, "topics: { requests: [a], replies: a, format: x }", adding: "    batch: { maxRows: 0, maxWait: 1 }\n    lanes: 0\nlimit: {}")
    let found = faults(text, sets: ["limits.span=0"], environment: ["SHEAF_COMMIT_INTERVAL": "1"])
    #expect(found.map { $0.split(separator: ": ").prefix(2).joined(separator: " ") } == [
      "sheaf.yaml:4:35 topics.replies", "sheaf.yaml:4:46 topics.format", "sheaf.yaml:7:23 models.batch.maxRows", "sheaf.yaml:7:35 models.batch.maxWait",
      "sheaf.yaml:8:12 models.lanes", "sheaf.yaml:9:1 limit", "SHEAF_COMMIT_INTERVAL commit.interval", "--set limits.span",
    ])
  }

  /// Whatever is wrong with a secret, it is not shown.
  @Test func secretsAreNeverShown() throws {
    let environment = ["PASSWORD": "hunter2", "SHEAF_KAFKA_SASL_PASWORD": "hunter2", "SHEAF_KAFKA_SECURITY_PROTOCOL": "hunter2"]
    let text = file(3, """
        group.id: a
        sasl.password: ${PASSWORD}
        sasl.pasword: ${PASSWORD}
        security.protocol: ${PASSWORD}
        ssl.key.pasword: hunter2
        acks: ${PASSWORD}
      """.split(separator: "\n").map { "  \($0.drop { $0 == " " })" }.joined(separator: "\n"))
    for environment in [environment, ["PASSWORD": "hunter2"]] {
      let lines = faults(text, environment: environment)
      #expect(lines.count >= 4)
      #expect(!lines.joined().contains("hunter2"))
    }
  }
}
