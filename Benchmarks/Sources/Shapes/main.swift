// shapes MODEL EXTENTS… [records=400] [rounds=3]
//
// A backlog of records of several shapes through an ONNX model that pads nothing, on one thread: in batches of one shape, 32 rows at
// most, against one at a time, in turns in one run. EXTENTS are those of the open axes, in the order of the inputs: 48,192 32,128 is
// images of two sizes. What counts is the ratio.
import Common
import Sheaf
import SheafModels
import SheafONNX
import SheafTesting

let given = numbers(), words = CommandLine.arguments.dropFirst().filter { !$0.contains("=") }
let count = given["records"] ?? 400, rounds = given["rounds"] ?? 3, partitions = 32
guard let path = words.first, words.count > 1 else { fatalError("name a model, and the extents of its open axes: shapes MODEL 48,192 32,128") }
let shapes = words.dropFirst().map { $0.split(separator: ",").map { Int($0)! } }
let onnx = try OnnxModel(OnnxOptions(path: path), runtime: try Runtime(library: Installed.onnxruntime)), model = TimedModel(onnx)

/// A JSON request of one row with made-up numbers.
func request(_ extents: [Int], _ random: inout SeededGenerator) -> String {
  var known: [String: Int] = [:], left = extents[...]
  let tensors = onnx.signature.inputs.filter { $0.source == .request }.map { spec -> String in
    let shape = spec.shape.indices.map { axis -> Int in
      if axis == spec.batchAxis { return 1 }
      switch spec.shape[axis] {
      case .fixed(let extent): return extent
      case .symbolic(let name):
        if known[name] == nil { known[name] = left.popFirst() ?? 8 }
        return known[name]!
      }
    }
    let elements = (0..<shape.reduce(1, *)).map { _ in spec.type.isFloat ? "\(Float.random(in: -1...1, using: &random))" : "1" }
    return "{\"name\":\"\(spec.name)\",\"shape\":\(shape),\"datatype\":\"\(spec.type.rawValue)\",\"data\":[\(elements.joined(separator: ","))]}"
  }
  return "{\"inputs\":[\(tensors.joined(separator: ","))]}"
}

func rate(_ broker: EmbeddedBroker, _ batch: BatchSettings) async throws -> (rate: Double, batches: Int) {
  var configuration = WorkerConfiguration(
    kafka: ["bootstrap.servers": broker.bootstrap, "group.id": uniqueName("group"), "session.timeout.ms": "6000", "fetch.wait.max.ms": "10"],
    topics: .init(requests: ["requests"], format: .json, replies: "replies"), batch: batch)
  configuration.untilEnd = true
  configuration.log = { _ in }
  model.runs.withLock { $0 = [] }
  try await Worker(model: model, configuration: configuration).run()
  let runs = model.runs.withLock { $0 }, rows = runs.map(\.rows).reduce(0, +)
  precondition(rows == count, "\(rows) rows of \(count)")
  return (Double(rows) / (runs.last!.end - runs[0].begin), runs.count)
}

let broker = try EmbeddedBroker(topics: [("requests", partitions), ("replies", partitions)])
var random = SeededGenerator(seed: 1)
// As many of each shape, in a random order.
let order = (0..<count).map { shapes[$0 % shapes.count] }.shuffled(using: &random)
try broker.client.produce("requests", order.enumerated().map { TestRecord(request($1, &random), partition: Int32($0 % partitions)) })
print("\(onnx.name): \(count) records of \(shapes.count) shapes")
print("records/s: of one shape together | one at a time || ratio | rows a batch")
var ratios: [Double] = []
for _ in 0..<rounds {
  let together = try await rate(broker, BatchSettings(maxRows: 32)), alone = try await rate(broker, BatchSettings(maxRows: 1))
  ratios.append(together.rate / alone.rate)
  print(text(together.rate), "|", text(alone.rate), "||", text(together.rate / alone.rate), "|", text(Double(count) / Double(together.batches)))
}
print("median \(text(ratios.sorted()[rounds / 2]))")
