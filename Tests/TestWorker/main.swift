// TestWorker BOOTSTRAP GROUP REQUESTS REPLIES KEY=VALUE…
// An identity model over uint8[256] in a worker of its own, until SIGTERM. Keys: rows, busy (microseconds a run takes),
// lanes, records, bytes, span, until=end, and any librdkafka property.
import Glibc
import Sheaf

struct Identity: Model {
  let name = "identity"
  let signature = Signature(inputs: [.rows("bytes", .uint8, [256])], outputs: [.rows("bytes", .uint8, [256])])
  var busy: UInt32

  func makeContext() -> any RunContext { Context(busy: busy) }

  final class Context: RunContext {
    let busy: UInt32
    init(busy: UInt32) { self.busy = busy }
    func run(_ batch: ModelBatch) {
      if busy > 0 { usleep(busy) }
      batch.output(0).copyMemory(from: batch.input(0))
    }
  }
}

let arguments = CommandLine.arguments
var settings: [String: String] = [:]
for argument in arguments.dropFirst(5) {
  let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
  settings[parts[0]] = parts[1]
}
@MainActor func take(_ key: String) -> Int? { settings.removeValue(forKey: key).flatMap { Int($0) } }

let model = Identity(busy: UInt32(take("busy") ?? 0))
var configuration = WorkerConfiguration(
  kafka: ["bootstrap.servers": arguments[1], "group.id": arguments[2]],
  topics: .init(requests: [arguments[3]], format: .raw, replyFormat: .raw, replies: arguments[4]))
if let rows = take("rows") { configuration.batch.maxRows = rows }
if let lanes = take("lanes") { configuration.lanes = lanes }
if let records = take("records") { configuration.limits.records = records }
if let bytes = take("bytes") { configuration.limits.bytes = bytes }
if let span = take("span") { configuration.limits.span = span }
configuration.batch.maxTokens = 1 << 30
configuration.untilEnd = settings.removeValue(forKey: "until") == "end"
configuration.kafka.merge(settings) { $1 }

let worker = try Worker(model: model, configuration: configuration)
nonisolated(unsafe) var stopping: Worker? = worker  // Set before the signal is unblocked.
signal(SIGTERM) { _ in stopping?.stop() }
do {
  try await worker.run()
} catch {
  print("TestWorker: \(error)")
  exit(1)
}
