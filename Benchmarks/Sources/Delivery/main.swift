// What exactly-once and the order of replies cost: an identity worker on a real Kafka (KAFKA_HOME), every setting in turns on the
// same broker. Prints medians, and ratios to at-least-once.
//
//   Benchmarks/.build/release/delivery [records=200000] [rounds=3]
import Common
import Glibc
import Sheaf
import SheafTesting

struct Mode {
  var name: String
  var delivery: WorkerConfiguration.Delivery
  var interval: Nanoseconds
  var order = WorkerConfiguration.Topics.Order.none
  var isolates = true
}

let modes = [
  Mode(name: "at-least-once", delivery: .atLeastOnce, interval: 100_000_000),
  Mode(name: "at-least-once, models.isolate: false", delivery: .atLeastOnce, interval: 100_000_000, isolates: false),
  Mode(name: "at-least-once, in order", delivery: .atLeastOnce, interval: 100_000_000, order: .partition),
  Mode(name: "exactly-once, 20 ms", delivery: .exactlyOnce, interval: 20_000_000),
  Mode(name: "exactly-once, 50 ms", delivery: .exactlyOnce, interval: 50_000_000),
  Mode(name: "exactly-once, 100 ms", delivery: .exactlyOnce, interval: 100_000_000),
  Mode(name: "exactly-once, 200 ms", delivery: .exactlyOnce, interval: 200_000_000),
]
let given = numbers()
let records = given["records"] ?? 200_000, rounds = given["rounds"] ?? 3

let broker = try Brokers.real.start(), partitions = 8
try broker.createTopic("requests", partitions: partitions)
let value = [UInt8](repeating: 7, count: 256)
try broker.client.produce("requests", (0..<records).lazy.map { TestRecord(key: nil, value: value, partition: Int32($0 % partitions)) })

var rates = [[Double]](repeating: [], count: modes.count), latencies = rates
for round in 0..<rounds {
  for (index, mode) in modes.enumerated() {
    let stamp = "\(round)-\(index)"
    rates[index].append(try await rate(mode, stamp))
    latencies[index] += try await latency(mode, stamp)
  }
}
print("| delivery | records/s | of at-least-once | latency p50 | p99 |\n|---|---|---|---|---|")
for (index, mode) in modes.enumerated() {
  let rate = rates[index].sorted()[rounds / 2], sorted = latencies[index].sorted()
  let ratio = zip(rates[index], rates[0]).map { $0 / $1 }.sorted()[rounds / 2]
  print("| \(mode.name) | \(Int(rate)) | \(text(ratio)) | \(text(sorted[sorted.count / 2] * 1000)) ms | \(text(sorted[sorted.count * 99 / 100] * 1000)) ms |")
}

func configuration(_ mode: Mode, _ requests: String, _ stamp: String) throws -> WorkerConfiguration {
  try broker.createTopic("\(requests)-replies-\(stamp)", partitions: partitions)
  var configuration = WorkerConfiguration(
    kafka: ["bootstrap.servers": broker.bootstrap, "group.id": "\(requests)-\(stamp)", "fetch.wait.max.ms": "5"],
    topics: .init(requests: [requests], format: .raw, replyFormat: .raw, replies: "\(requests)-replies-\(stamp)"), lanes: 2)
  configuration.batch.maxRows = 256
  // Room for all of it: librdkafka before 2.2 stops fetching for up to a second where its prefetch is full, whatever the delivery.
  configuration.limits = .init(records: 4_000_000, bytes: 2 << 30, span: 1_000_000)
  configuration.batch.maxTokens = 1 << 30
  configuration.delivery = mode.delivery
  configuration.commitInterval = mode.interval
  configuration.topics.order = mode.order
  configuration.isolation.isOn = mode.isolates
  configuration.log = { _ in }
  return configuration
}

/// Records a second, from the first run to the last commit.
func rate(_ mode: Mode, _ stamp: String) async throws -> Double {
  let model = Identity()
  var configuration = try configuration(mode, "requests", stamp)
  configuration.untilEnd = true
  try await Worker(model: model, configuration: configuration).run()
  return Double(records) / (monotonicSeconds() - model.begun.withLock { $0 })
}

/// Seconds from producing a record to a reader's having its committed reply, of records that come at 200 a second.
func latency(_ mode: Mode, _ stamp: String) async throws -> [Double] {
  let count = 600, requests = "slow-\(stamp)"
  try broker.createTopic(requests, partitions: partitions)
  var configuration = try configuration(mode, requests, stamp)
  configuration.batch.maxWait = 0
  let worker = try Worker(model: Identity(), configuration: configuration)
  async let running: Void = worker.run()
  let consumer = try TestConsumer(bootstrap: broker.bootstrap, topic: "\(requests)-replies-\(stamp)", properties: ["isolation.level": "read_committed"])
  let producer = try TestProducer(bootstrap: broker.bootstrap, properties: ["linger.ms": "0"])
  var sent: [Double] = [], latencies: [Double] = [], answered = 0
  var next = monotonicSeconds() + 2
  while answered < count + 400 {
    if sent.count < count + 400, monotonicSeconds() >= next {
      sent.append(monotonicSeconds())
      try producer.send(requests, TestRecord(key: nil, value: value, headers: [.init("kafka_correlationId", Array("\(sent.count - 1)".utf8))], partition: Int32(sent.count % partitions)))
      next += 0.005
    }
    for reply in try consumer.poll(seconds: max(0, min(0.005, next - monotonicSeconds()))) {
      let index = Int(reply.header("kafka_correlationId")!)!
      answered += 1
      // The first two seconds find a group that is still forming, and a broker that is still warming up.
      if index >= 400 { latencies.append(monotonicSeconds() - sent[index]) }
    }
  }
  worker.stop()
  try await running
  return latencies
}

struct Identity: Model {
  let name = "identity"
  let signature = Signature(inputs: [.rows("bytes", .uint8, [256])], outputs: [.rows("bytes", .uint8, [256])])
  /// When the first batch ran.
  let begun = Locked(0.0)
  func makeContext() -> any RunContext { Context(begun: begun) }

  final class Context: RunContext {
    let begun: Locked<Double>
    init(begun: Locked<Double>) { self.begun = begun }
    func run(_ batch: ModelBatch) {
      begun.withLock { if $0 == 0 { $0 = monotonicSeconds() } }
      batch.output(0).copyMemory(from: batch.input(0))
    }
  }
}
