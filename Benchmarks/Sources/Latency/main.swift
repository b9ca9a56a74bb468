// latency [target=500] [seconds=60] [out=FOLDER]
//
// MiniLM on one thread under policy adaptive, texts of lognormal lengths at random times through an embedded broker: latency from
// sending a record to having its reply, at half of what a backlog runs at; then a load step from a tenth of it to nine tenths and
// back. What came when and what runs took is left in FOLDER (latency-runs): `simulate --replay FOLDER` does the same in simulated
// time, and step.svg shows the step.
import Common
@preconcurrency import Glibc
import Sheaf
import SheafModels
import SheafONNX
import SheafTesting

setvbuf(stdout, nil, _IOLBF, 0)
let given = numbers()
let target = given["target"] ?? 500, seconds = Double(given["seconds"] ?? 60)
let out = CommandLine.arguments.first { $0.hasPrefix("out=") }.map { String($0.dropFirst(4)) } ?? "latency-runs"
mkdir(out, 0o777)
let partitions = 4
let folder = try Installed.minilm
let tokenizer = try Tokenizer(folder: folder, maxLength: 256)
let model = TimedModel(try OnnxModel(OnnxOptions(path: folder), runtime: try Runtime(library: Installed.onnxruntime), text: tokenizer))
let broker = try EmbeddedBroker(topics: ["backlog", "half", "step"].flatMap { [($0, partitions), ("\($0)-replies", partitions)] })

func configuration(_ topic: String, _ profile: RunProfile? = nil) -> WorkerConfiguration {
  var batch = BatchSettings(maxRows: 256, maxWait: Nanoseconds(target) * 1_000_000, maxTokens: 16_384)
  batch.policy = .adaptive
  batch.adaptive.latencyTarget = Nanoseconds(target) * 1_000_000
  var configuration = WorkerConfiguration(
    kafka: ["bootstrap.servers": broker.bootstrap, "group.id": topic, "session.timeout.ms": "6000", "fetch.wait.max.ms": "1"],
    topics: .init(requests: [topic], format: .text, replyFormat: .raw, replies: "\(topic)-replies"), batch: batch)
  configuration.profile = profile
  configuration.log = { _ in }
  return configuration
}

/// Texts a second of a backlog, and what was learned of the cost of runs.
func capacity() async throws -> (Double, RunProfile) {
  let texts = try lognormalTexts(1000, seed: 3)
  try broker.client.produce("backlog", texts.enumerated().map { TestRecord($1, partition: Int32($0 % partitions)) })
  var configuration = configuration("backlog")
  configuration.untilEnd = true
  let worker = try Worker(model: model, configuration: configuration)
  try await worker.run()
  let runs = model.runs.withLock { $0 }
  return (Double(texts.count) / (runs.last!.end - runs[0].begin), worker.profile)
}

struct Answered {
  /// Seconds from the first send.
  var at, latency: Double
  var tokens: Int
}

/// Sends at random times, at `rate` of the time that has passed, for so many seconds. The first two seconds are not counted.
func drive(_ topic: String, _ profile: RunProfile, seconds: Double, _ rate: (Double) -> Double) async throws -> [Answered] {
  var random = SeededGenerator(seed: 11)
  var times: [Double] = [], now = 0.0
  while true {
    now -= log(Double.random(in: 1e-12..<1, using: &random)) / rate(max(0, now - 2))
    if now >= seconds + 2 { break }
    times.append(now)
  }
  let texts = try lognormalTexts(times.count, seed: 5)
  let worker = try Worker(model: model, configuration: configuration(topic, profile))
  async let running: Void = worker.run()
  let consumer = try TestConsumer(bootstrap: broker.bootstrap, topic: "\(topic)-replies", properties: ["fetch.wait.max.ms": "1"])
  let producer = try TestProducer(bootstrap: broker.bootstrap, properties: ["linger.ms": "0"])
  func send(_ index: Int, _ text: String) throws {
    try producer.send(topic, TestRecord(key: nil, value: Array(text.utf8), headers: [.init("kafka_correlationId", Array("\(index)".utf8))], partition: Int32(index % partitions)))
  }
  // Until the worker has joined its group and every partition is read.
  for index in 0..<partitions { try send(index, "warm") }
  var warm = 0
  while warm < partitions { warm += try consumer.poll(seconds: 1).count }
  model.runs.withLock { $0 = [] }
  let begun = monotonicSeconds()
  var sent: [Double] = [], latencies = [Double?](repeating: nil, count: times.count), answered = 0
  while answered < times.count {
    while sent.count < times.count, monotonicSeconds() >= begun + times[sent.count] {
      let index = sent.count
      sent.append(monotonicSeconds())
      try send(index, texts[index])
    }
    let next = sent.count < times.count ? begun + times[sent.count] : .infinity
    for reply in try consumer.poll(seconds: max(0, min(0.02, next - monotonicSeconds()))) {
      let index = Int(reply.header("kafka_correlationId")!)!
      if latencies[index] == nil { answered += 1 }
      latencies[index] = monotonicSeconds() - sent[index]
    }
  }
  worker.stop()
  try await running
  let lengths = try texts.map { text in
    var tokens = TokenSequence(), text = text
    try text.withUTF8 { try tokenizer.encode(UnsafeRawBufferPointer($0), pair: nil, into: &tokens) }
    return tokens.ids.count
  }
  return times.indices.map { Answered(at: sent[$0] - begun - 2, latency: latencies[$0]!, tokens: lengths[$0]) }
}

func quantile(_ share: Double, _ answered: some Collection<Answered>) -> Double {
  let sorted = answered.map(\.latency).sorted()
  return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] * 1000
}

// MARK: Half load

let (most, profile) = try await capacity()
print("backlog: \(text(most)) texts/s")
try write("learned.tsv", runs())
let half = try await drive("half", profile, seconds: seconds) { _ in most / 2 }
try write("arrivals.tsv", half.map { "\($0.at + 2)\t\($0.tokens)\t\($0.latency)" })
try write("runs.tsv", runs())
let counted = half.filter { $0.at >= 0 }
print("half load, \(text(most / 2)) texts/s, \(counted.count) texts: p50 \(text(quantile(0.5, counted))) ms, p99 \(text(quantile(0.99, counted))) ms, target \(target) ms, late \(counted.count { $0.latency * 1000 > Double(target) })")

// MARK: The step

let each = 12.0
let step = try await drive("step", profile, seconds: 3 * each) { $0 >= each && $0 < 2 * each ? most * 0.9 : most * 0.1 }
func slice(_ index: Int) -> [Answered] { step.filter { $0.at >= Double(index) / 2 && $0.at < Double(index + 1) / 2 } }
let slices = (0..<Int(6 * each)).map { slice($0) }
/// When the last half second with more than 1 in 100 (and more than one) late began, from `begin` on; 0: none.
func settled(_ begin: Double) -> Double {
  let range = Int(begin * 2)..<Int((begin + each) * 2)
  let last = range.last { index in slices[index].count { $0.latency * 1000 > Double(target) } > max(1, slices[index].count / 100) }
  return last.map { Double($0 + 1) / 2 - begin } ?? 0
}
print("load step 10 % → 90 %: within the target after \(text(settled(each))) s; back: after \(text(settled(2 * each))) s; p99 \(text(quantile(0.99, step.filter { $0.at >= each && $0.at < 2 * each }))) ms at 90 %, \(text(quantile(0.99, step.filter { $0.at < each || $0.at >= 2 * each }))) ms at 10 %")
try writeText(picture(slices.map { quantile(0.5, $0) }, slices.map { quantile(0.99, $0) }), to: out + "/step.svg")

/// What ran last: rows, longest, seconds.
func runs() -> [String] { model.runs.withLock { $0 }.map { "\($0.rows)\t\($0.length)\t\($0.end - $0.begin)" } }

func write(_ name: String, _ lines: [String]) throws { try writeText(lines.joined(separator: "\n") + "\n", to: out + "/" + name) }

/// Medians and 99th percentiles of half seconds over time, and the target.
func picture(_ medians: [Double], _ p99s: [Double]) -> String {
  let (width, height, left, bottom) = (720.0, 280.0, 50.0, 40.0)
  let top = max(Double(target) * 1.1, p99s.max()! * 1.05)
  func x(_ slice: Double) -> Double { left + slice / Double(medians.count) * (width - left - 10) }
  func y(_ value: Double) -> Double { height - bottom - value / top * (height - bottom - 20) }
  func line(_ values: [Double], _ color: String) -> String {
    let points = values.enumerated().map { "\(text(x(Double($0) + 0.5))),\(text(y($1)))" }.joined(separator: " ")
    return "<polyline fill='none' stroke='\(color)' stroke-width='2' points='\(points)'/>"
  }
  let marks = stride(from: 0.0, through: top, by: 100).map { "<text x='\(left - 6)' y='\(text(y($0) + 4))' text-anchor='end'>\(Int($0))</text>" }
  let parts = ["10 %", "90 %", "10 %"].enumerated().map { index, name in
    "<line x1='\(text(x(Double(index) * 2 * each)))' x2='\(text(x(Double(index) * 2 * each)))' y1='20' y2='\(height - bottom)' stroke='#ccc'/><text x='\(text(x((Double(index) + 0.5) * 2 * each)))' y='\(height - bottom + 18)' text-anchor='middle'>load \(name), \(Int(each)) s</text>"
  }
  return """
    <svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 \(Int(width)) \(Int(height))' font-family='sans-serif' font-size='12'>
    <rect width='100%' height='100%' fill='white'/>
    <text x='\(left)' y='14'>Latency of half seconds in ms: median (blue), 99th percentile (red); target (dashed)</text>
    \(marks.joined())\(parts.joined())
    <line x1='\(left)' x2='\(width - 10)' y1='\(text(y(Double(target))))' y2='\(text(y(Double(target))))' stroke='#888' stroke-dasharray='6 4'/>
    \(line(medians, "#1f6fb2"))\(line(p99s, "#c0392b"))
    </svg>

    """
}
