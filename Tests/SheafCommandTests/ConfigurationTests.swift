import Sheaf
import SheafTesting
import Testing

@testable import SheafCommand

/// What a right configuration becomes.
@Suite struct ConfigurationTests {
  /// The table's defaults are the library's.
  @Test func defaultsAreTheLibrarys() {
    let read = configuration(file())
    let library = WorkerConfiguration(kafka: read.worker.kafka, topics: .init(requests: ["requests"], replies: "replies"))
    #expect(read.worker.kafka == ["bootstrap.servers": "localhost:9092", "group.id": "embeddings"])
    #expect(read.worker.topics.requests == library.topics.requests)
    #expect(read.worker.topics.replies == library.topics.replies)
    #expect(read.worker.topics.allowedReplies == library.topics.allowedReplies)
    #expect(read.worker.topics.deadLetters == library.topics.deadLetters)
    #expect(read.worker.topics.replyFormat == library.topics.replyFormat)
    #expect(read.worker.topics.nullValue == library.topics.nullValue)
    #expect(read.worker.topics.bulk == library.topics.bulk && read.worker.topics.bulkWait == library.topics.bulkWait)
    #expect(read.worker.topics.start == library.topics.start)
    #expect(read.worker.topics.batchHeader == library.topics.batchHeader)
    #expect(read.worker.batch == library.batch)
    #expect(read.worker.limits.records == library.limits.records)
    #expect(read.worker.limits.bytes == library.limits.bytes)
    #expect(read.worker.limits.span == library.limits.span)
    #expect(read.worker.drainTimeout == library.drainTimeout)
    #expect(read.worker.commitInterval == library.commitInterval)
    #expect(read.worker.lanes == Processors.available())
    #expect(read.model.device == "cpu")
    #expect(read.model.format == nil)
  }

  @Test func everySettingArrives() {
    let text = """
      kafka: { bootstrap.servers: b, group.id: g, fetch.wait.max.ms: 10 }
      topics: { requests: [a, ^b], bulk: [f, ^g], bulkWait: 2s, replies: c, deadLetters: d, allowedReplies: [e], format: raw, replyFormat: raw, nullValue: skip, nonFinite: accept, start: latest, batchHeader: true }
      delivery: at-least-once
      models:
        - path: /dev/null
          name: n
          devices: [cuda:1]
          lanes: 3
          threads: 2
          truncate: start
          maxLength: 100
          pooling: [cls, max]
          prompt: query
          answers: classes
          labels: [a, b]
          activation: sigmoid
          top: 2
          version: 7
          nan: fail
          normalize: true
          outputs: [x, y]
          acceptUnsafeBatching: true
          warmUp: 0s
          batch: { maxRows: 8, maxWait: 2 ms, maxTokens: 200, maxBytes: 1MiB, policy: fixed }
          inputs: { a.b: { batchAxis: 1, padAxis: 0, padValue: -1.5, shared: false }, m: { mask: a.b }, t: { constant: 0 }, s: { shared: true } }
      limits: { records: 1000, bytes: 8MiB, span: 500, drain: 3s }
      commit: { interval: 1s }
      runtime: { library: lib.so }
      """
    #expect(faults(text).isEmpty)
    let read = configuration(text)
    #expect(read.worker.kafka["fetch.wait.max.ms"] == "10")
    #expect(read.worker.topics.requests == ["a", "^b"])
    #expect(read.worker.topics.bulk == ["f", "^g"] && read.worker.topics.bulkWait == 2_000_000_000)
    #expect([read.worker.topics.replies, read.worker.topics.deadLetters] == ["c", "d"])
    #expect(read.worker.topics.allowedReplies == ["e"])
    #expect(read.model.format == .raw)
    #expect(read.worker.topics.replyFormat == .raw)
    #expect(read.worker.topics.nullValue == .skip)
    #expect(read.worker.topics.start == .latest)
    #expect(read.worker.topics.batchHeader)
    #expect(read.worker.batch == BatchSettings(maxRows: 8, maxWait: 2_000_000, maxTokens: 200, maxBytes: 1 << 20))
    #expect([read.worker.limits.records, read.worker.limits.bytes, read.worker.limits.span] == [1000, 8 << 20, 500])
    #expect([read.worker.drainTimeout, read.worker.commitInterval] == [3_000_000_000, 1_000_000_000])
    #expect(read.worker.lanes == 3)
    #expect(read.library == "lib.so")
    let model = read.model
    #expect([model.name, model.path] == ["n", "/dev/null"])
    #expect("\(model.device)" == "cuda:1")
    #expect(model.threads == 2)
    #expect(model.truncation == .start)
    #expect(model.maxLength == 100)
    #expect(model.pooling == .by([.cls, .max]) && model.normalize == true)
    #expect(model.prompt == .named("query"))
    #expect(model.answers == .classes && model.labels == ["a", "b"] && model.activation == .sigmoid && model.top == 2 && model.version == "7")
    #expect(read.worker.failsNaN && read.worker.topics.takesNonFinite)
    #expect(model.outputs == ["x", "y"])
    #expect(model.acceptUnsafeBatching)
    #expect(model.warmUp == 0)
    #expect(Set(model.overrides.keys) == ["a.b", "m", "t", "s"])
    #expect(model.overrides["a.b"]?.batchAxis == 1)
    #expect(model.overrides["a.b"]?.padAxis == 0)
    #expect(model.overrides["a.b"]?.padValue == -1.5)
    #expect(model.overrides["m"]?.mask == "a.b")
    #expect(model.overrides["t"]?.constant == 0)
    #expect(model.overrides["s"]?.shared == true)
  }

  @Test func theEnvironmentOverridesTheFileAndFlagsOverrideBoth() {
    let environment = ["SHEAF_TOPICS_REPLIES": "e", "SHEAF_TOPICS_REQUESTS": "a, b", "SHEAF_KAFKA_GROUP_ID": "g", "SHEAF_MODELS_BATCH_MAXROWS": "7"]
    let read = configuration(file(), sets: ["topics.replies=f", "kafka.client.id=c", "models.inputs.a.b.padValue=2", "topics.allowedReplies=x,y"], environment: environment)
    #expect(read.worker.topics.requests == ["a", "b"])
    #expect(read.worker.topics.replies == "f")
    #expect(read.worker.topics.allowedReplies == ["x", "y"])
    #expect(read.worker.kafka["group.id"] == "g")
    #expect(read.worker.kafka["client.id"] == "c")
    #expect(read.worker.batch.maxRows == 7)
    #expect(read.model.overrides["a.b"]?.padValue == 2)
  }

  /// A service called sheaf or sheaf-kafka in the same namespace is no setting.
  @Test func kubernetesServiceLinksAreLeftAlone() {
    let links = ["SHEAF_SERVICE_HOST", "SHEAF_PORT", "SHEAF_KAFKA_SERVICE_HOST", "SHEAF_KAFKA_SERVICE_PORT_CLIENT", "SHEAF_KAFKA_PORT", "SHEAF_KAFKA_PORT_9092_TCP_ADDR", "SHEAF_ONNXRUNTIME", "SHEAF_HOME"]
    #expect(faults(file(), environment: Dictionary(uniqueKeysWithValues: links.map { ($0, "x") })).isEmpty)
  }

  @Test func referencesArePutIn() throws {
    let directory = try TemporaryDirectory()
    try writeText("two\nlines\n", to: directory.path + "/secret")
    let text = file(3, "  group.id: $a-${A}-$b${B}\n  ssl.key.pem: ${file:\(directory.path)/secret}")
    let read = configuration(text, environment: ["A": "1", "B": "${A}"])
    #expect(read.worker.kafka["group.id"] == "$a-1-$b${A}")
    #expect(read.worker.kafka["ssl.key.pem"] == "two\nlines")
    // A variable's own text is taken as it is.
    #expect(configuration(file(), environment: ["SHEAF_KAFKA_SASL_PASSWORD": "a${b"]).worker.kafka["sasl.password"] == "a${b")
  }

  @Test func theReferencePageIsUpToDate() throws {
    let path = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/docs/configuration.md"
    #expect(try readText(path) == Reference.markdown + "\n", "run sheaf help --reference > docs/configuration.md")
  }

  @Test func helpAndSchemaNameEverySetting() {
    let help = ServeCommand.help, schema = Reference.schema
    for setting in SettingsTable.all {
      #expect(help.contains("  \(setting.key)"))
      #expect(schema.contains("\"\(setting.parts.last!)\":{") || setting.key == "kafka.*")
    }
  }
}
