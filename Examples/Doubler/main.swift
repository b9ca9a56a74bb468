// A model of one's own, and a worker around it:
//
//     .build/release/sheaf broker --topic numbers:4 --topic doubled:4 &
//     swift run Doubler &
//     echo '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}' |
//       .build/release/sheaf send --topic numbers --replies doubled --format json --file -
import Sheaf

/// Doubles rows of four numbers.
struct Doubler: Model {
  let name = "doubler"
  let signature = Signature(inputs: [.rows("x", .float32, [4])], outputs: [.rows("y", .float32, [4])])

  func makeContext() -> any RunContext { Context() }

  final class Context: RunContext {
    func run(_ batch: ModelBatch) {
      let x = batch.input(0, as: Float.self), y = batch.output(0, as: Float.self)
      for index in x.indices { y[index] = 2 * x[index] }
    }
  }
}

let broker = CommandLine.arguments.dropFirst().first ?? "localhost:9092"
let worker = try Worker(model: Doubler(), configuration: WorkerConfiguration(
  kafka: ["bootstrap.servers": broker, "group.id": "doublers"],
  topics: .init(requests: ["numbers"], format: .json, replies: "doubled")))
try await worker.run()
