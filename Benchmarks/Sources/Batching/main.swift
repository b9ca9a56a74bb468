// batching [ROUNDS]
//
// What batching gains a worker, beside what it gains the bare model: MiniLM on one thread, texts of 16 tokens, 16 rows a batch
// against one. The bare model and the worker take turns in one run; what counts is the ratio of the two gains.
import Common
import Glibc
import Sheaf
import SheafModels
import SheafONNX
import SheafTesting

let tokens = 16, rows = 16, texts = 640

func seconds() -> Double { monotonicSeconds() }

/// Texts a second of the session alone, `rows` at a time.
func bare(_ session: Session, rows: Int) throws -> Double {
  let ids = (0..<rows * tokens).map { Int64(1000 + $0 * 37 % 20000) }
  let mask = [Int64](repeating: 1, count: rows * tokens)
  let runner = Runner(session)
  let begun = seconds()
  for _ in 0..<(texts / rows) {
    try ids.withUnsafeBytes { ids in
      try mask.withUnsafeBytes { mask in
        try runner.run([TensorView(.int64, [rows, tokens], ids), TensorView(.int64, [rows, tokens], mask)])
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

let rounds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1])! : 5
let folder = try Installed.minilm
let onnx = try OnnxModel(OnnxOptions(path: folder), runtime: try Runtime(library: Installed.onnxruntime), text: try Tokenizer(folder: folder))
let model = TimedModel(onnx)
let broker = try EmbeddedBroker(topics: [("requests", 4), ("replies", 4)])
// 14 words that are a token each, and two special tokens.
let words = ["time", "house", "water", "music", "paper", "green", "river", "stone", "light", "night", "horse", "table", "world", "young"]
func sentence(_ index: Int) -> String {
  let picked: [String] = (0..<14).map { position in words[(index * 5 + position * (position + index)) % words.count] }
  return picked.joined(separator: " ")
}
try broker.client.produce("requests", (0..<texts).map { TestRecord(sentence($0), partition: Int32($0 % 4)) })
_ = try bare(onnx.session, rows: rows)
print("texts/s   the model alone: 1 row, \(rows) rows, gain | the worker: 1 row, \(rows) rows, gain | ratio of the gains")
var ratios: [Double] = []
for _ in 0..<rounds {
  let alone1 = try bare(onnx.session, rows: 1)
  let worker1 = try await worker(model, broker, ("requests", "replies"), rows: 1)
  let alone16 = try bare(onnx.session, rows: rows)
  let worker16 = try await worker(model, broker, ("requests", "replies"), rows: rows)
  let gain = alone16 / alone1, workersGain = worker16 / worker1
  ratios.append(workersGain / gain)
  print(text(alone1), text(alone16), text(gain), "|", text(worker1), text(worker16), text(workersGain), "|", text(workersGain / gain))
}
print("ratio of the gains: median \(text(ratios.sorted()[rounds / 2])) of \(rounds)")
