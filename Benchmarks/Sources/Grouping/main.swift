// grouping [texts=1200] [rounds=3]
//
// A backlog of texts of lognormal lengths (median 32 tokens, at most 256) through MiniLM on one thread: the worker in order of
// arrival, 32 rows at a time; one at a time; adaptive; and the model alone with all texts sorted by length beforehand, at the best
// token budget. All in turns in one run; what counts are the ratios.
import Common
import Sheaf
import SheafModels
import SheafONNX
import SheafTesting

let given = numbers()
let count = given["texts"] ?? 1200, rounds = given["rounds"] ?? 3
let partitions = 4

// MARK: The worker

func worker(_ broker: EmbeddedBroker, _ model: TimedModel, _ batch: BatchSettings) async throws -> Double {
  var configuration = WorkerConfiguration(
    kafka: ["bootstrap.servers": broker.bootstrap, "group.id": uniqueName("group"), "session.timeout.ms": "6000", "fetch.wait.max.ms": "10"],
    topics: .init(requests: ["requests"], format: .text, replyFormat: .raw, replies: "replies"), batch: batch)
  configuration.untilEnd = true
  configuration.log = { _ in }
  model.runs.withLock { $0 = [] }
  try await Worker(model: model, configuration: configuration).run()
  // From the first run's begin.
  let runs = model.runs.withLock { $0 }
  let rows = runs.map(\.rows).reduce(0, +)
  precondition(rows == count, "\(rows) rows of \(count)")
  return Double(rows) / (runs.last!.end - runs[0].begin)
}

// MARK: The model alone

/// All texts sorted by length, in batches of rows × longest within the budget.
func offline(_ session: Session, _ sorted: [[Int64]], budget: Int) throws -> Double {
  let runner = Runner(session)
  let begun = monotonicSeconds()
  var first = 0
  while first < sorted.count {
    var end = first + 1
    while end < sorted.count, (end + 1 - first) * sorted[end].count <= budget { end += 1 }
    let rows = end - first, length = sorted[end - 1].count
    var ids = [Int64](repeating: 0, count: rows * length), mask = ids
    for row in 0..<rows {
      for (place, id) in sorted[first + row].enumerated() {
        ids[row * length + place] = id
        mask[row * length + place] = 1
      }
    }
    try ids.withUnsafeBytes { ids in
      try mask.withUnsafeBytes { mask in
        try runner.run([TensorView(.int64, [rows, length], ids), TensorView(.int64, [rows, length], mask)])
      }
    }
    first = end
  }
  return Double(sorted.count) / (monotonicSeconds() - begun)
}

// MARK: Turns

let folder = try Installed.minilm
let tokenizer = try Tokenizer(folder: folder, maxLength: 256)
let onnx = try OnnxModel(OnnxOptions(path: folder), runtime: try Runtime(library: Installed.onnxruntime), text: tokenizer), model = TimedModel(onnx)
let texts = try lognormalTexts(count)
let broker = try EmbeddedBroker(topics: [("requests", partitions), ("replies", partitions)])
try broker.client.produce("requests", texts.enumerated().map { TestRecord($1, partition: Int32($0 % partitions)) })
let sorted: [[Int64]] = try texts.map { text in
  var tokens = TokenSequence(), text = text
  try text.withUTF8 { try tokenizer.encode(UnsafeRawBufferPointer($0), pair: nil, into: &tokens) }
  return tokens.ids
}.sorted { $0.count < $1.count }
print("\(count) texts of \(sorted[0].count) to \(sorted.last!.count) tokens, median \(sorted[count / 2].count)")

let arrival = BatchSettings(maxRows: 32, maxTokens: 1 << 30), alone = BatchSettings(maxRows: 1)
var adaptive = BatchSettings(maxRows: 256, maxTokens: 16_384)
adaptive.policy = .adaptive
adaptive.adaptive.latencyTarget = 1_000_000_000

var rates: [(arrival: Double, alone: Double, adaptive: Double, offline: Double)] = []
print("texts/s: arrival order, 32 rows | one at a time | adaptive | sorted beforehand || adaptive over each")
for _ in 0..<rounds {
  let a = try await worker(broker, model, arrival), b = try await worker(broker, model, alone), c = try await worker(broker, model, adaptive)
  let d = try [512, 1024, 2048, 4096].map { try offline(onnx.session, sorted, budget: $0) }.max()!
  rates.append((a, b, c, d))
  print(text(a), "|", text(b), "|", text(c), "|", text(d), "||", text(c / a), text(c / b), text(c / d))
}
func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
print("medians: adaptive over arrival order \(text(median(rates.map { $0.adaptive / $0.arrival }))), over one at a time \(text(median(rates.map { $0.adaptive / $0.alone }))), over sorted beforehand \(text(median(rates.map { $0.adaptive / $0.offline })))")
