// batching [ROUNDS]
//
// What batching gains a worker, beside what it gains the bare model: MiniLM on one thread, texts of 16 tokens, 16 rows a batch
// against one. The bare model and the worker take turns in one run; what counts is the ratio of the two gains.
import Glibc
import Sheaf
import SheafONNX
import SheafTesting

let tokens = 16, rows = 16, texts = 640

func seconds() -> Double { monotonicSeconds() }

/// Texts a second of the session alone, `rows` at a time.
func bare(_ session: Session, rows: Int) throws -> Double {
  let ids = [Int64](repeating: 0, count: rows * tokens).indices.map { Int64(1000 + $0 * 37 % 20000) }
  let mask = [Int64](repeating: 1, count: rows * tokens)
  let begun = seconds()
  for _ in 0..<(texts / rows) {
    try ids.withUnsafeBytes { ids in
      try mask.withUnsafeBytes { mask in
        _ = try session.run([.init(data: ids, shape: [rows, tokens]), .init(data: mask, shape: [rows, tokens])], outputs: [0])
      }
    }
  }
  return Double(texts) / (seconds() - begun)
}

/// Texts a second of a worker from the first run to the last, `rows` at a time at most.
func worker(_ model: TimedModel, _ broker: EmbeddedBroker, _ topics: (requests: String, replies: String), rows: Int) async throws -> Double {
  var configuration = WorkerConfiguration(
    kafka: ["bootstrap.servers": broker.bootstrap, "group.id": uniqueName("group"), "session.timeout.ms": "6000", "fetch.wait.max.ms": "10"],
    topics: .init(requests: [topics.requests], format: .text, replyFormat: .raw, replies: topics.replies),
    batch: BatchSettings(maxRows: rows, maxWait: 50_000_000))
  configuration.untilEnd = true
  configuration.log = { _ in }
  model.runs.withLock { $0 = [] }
  try await Worker(model: model, configuration: configuration).run()
  // The first run is not counted: it waits for the group and the first fetch.
  let runs = model.runs.withLock { $0 }
  return Double(runs.dropFirst().map(\.rows).reduce(0, +)) / (runs.last!.end - runs[0].end)
}

/// The model, with a note of when each run ended.
final class TimedModel: Model {
  let model: OnnxModel
  let runs = Locked<[(rows: Int, end: Double)]>([])
  init(_ model: OnnxModel) { self.model = model }
  var name: String { model.name }
  var signature: Signature { model.signature }
  var text: (any TextEncoder)? { model.text }
  func makeContext() -> any RunContext { Context(model.makeContext(), runs) }

  final class Context: RunContext {
    let context: any RunContext
    let runs: Locked<[(rows: Int, end: Double)]>
    init(_ context: any RunContext, _ runs: Locked<[(rows: Int, end: Double)]>) {
      self.context = context
      self.runs = runs
    }
    func run(_ batch: ModelBatch) throws {
      try context.run(batch)
      runs.withLock { $0.append((batch.rows, seconds())) }
    }
  }
}

let rounds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1])! : 5
let folder = try Installed.minilm()
let model = TimedModel(try OnnxModel(try Runtime(), .init(path: folder + "/model.onnx"), text: try Tokenizer(folder: folder)))
let broker = try EmbeddedBroker(topics: [("requests", 4), ("replies", 4)])
// 14 words that are a token each, and two special tokens.
let words = ["time", "house", "water", "music", "paper", "green", "river", "stone", "light", "night", "horse", "table", "world", "young"]
try broker.client.produce("requests", (0..<texts).map { index in
  TestRecord((0..<14).map { words[(index * 5 + $0 * ($0 + index)) % words.count] }.joined(separator: " "), partition: Int32(index % 4))
})
_ = try bare(model.model.session, rows: rows)
print("texts/s: the model alone, 1 row, \(rows) rows, gain; the worker, 1 row, \(rows) rows, gain; ratio of the gains")
var ratios: [Double] = []
for _ in 0..<rounds {
  let alone1 = try bare(model.model.session, rows: 1), worker1 = try await worker(model, broker, ("requests", "replies"), rows: 1)
  let alone16 = try bare(model.model.session, rows: rows), worker16 = try await worker(model, broker, ("requests", "replies"), rows: rows)
  let ratio = (worker16 / worker1) / (alone16 / alone1)
  ratios.append(ratio)
  func text(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }
  print(text(alone1), text(alone16), text(alone16 / alone1), "|", text(worker1), text(worker16), text(worker16 / worker1), "|", text(ratio))
}
print("ratio of the gains: median \((ratios.sorted()[rounds / 2] * 1000).rounded() / 1000) of \(rounds)")
