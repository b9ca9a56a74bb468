// TestWorker BOOTSTRAP GROUP REQUESTS REPLIES KEY=VALUE…
// An identity model over uint8[256] in a worker of its own, until SIGTERM. Keys: rows, busy (microseconds a run takes; a-b: any
// time between the two), start, drain (ms), lanes, delivery, order, interval (ms between commits), width (of a row, 256), records,
// bytes, span, wait (microseconds), until=end, report=FILE (a line each 100 ms: records inside, bytes inside, taken, settled, fetched
// by librdkafka),
// deadLetters, isolate, poison=true (a row that begins with 0xEE fails its run), crash=true (a row that begins with 0xAB aborts, one
// with 0xAC allocates until nothing is left), and any librdkafka property; one with no value is left out.
import Glibc
import Sheaf

/// Rows from the first run to the last, for a rate without the time a group needs to form.
enum Timing {
  nonisolated(unsafe) static var first = timespec(), last = timespec(), rows = 0
  nonisolated(unsafe) private static let lock = {
    let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    return lock
  }()
  static func note(_ count: Int) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    clock_gettime(CLOCK_MONOTONIC, &last)
    if rows == 0 { first = last }
    rows += count
  }
  static var line: String {
    if rows == 0 { return "ran no row" }
    let seconds = Double(last.tv_sec - first.tv_sec) + Double(last.tv_nsec - first.tv_nsec) * 1e-9
    return "ran \(rows) rows in \(seconds) s, \(Int(Double(rows) / seconds)) a second"
  }
}

let arguments = CommandLine.arguments
var settings: [String: String] = [:]
for argument in arguments.dropFirst(5) {
  let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
  settings[parts[0]] = parts.count > 1 ? parts[1] : nil
}
@MainActor func take(_ key: String) -> Int? { settings.removeValue(forKey: key).flatMap { Int($0) } }

let crashes = settings.removeValue(forKey: "crash") == "true"
if crashes { limitMemory() }
let busy = (settings.removeValue(forKey: "busy") ?? "0").split(separator: "-").map { UInt32($0)! }
let model = Identity(
  busy: busy[0]...busy[busy.count - 1], width: take("width") ?? 256, poison: settings.removeValue(forKey: "poison") == "true", crashes: crashes)
var configuration = WorkerConfiguration(
  kafka: ["bootstrap.servers": arguments[1], "group.id": arguments[2]],
  topics: .init(requests: [arguments[3]], format: .raw, replyFormat: .raw, replies: arguments[4]))
if let rows = take("rows") { configuration.batch.maxRows = rows }
if let lanes = take("lanes") { configuration.lanes = lanes }
if let records = take("records") { configuration.limits.records = records }
if let bytes = take("bytes") { configuration.limits.bytes = bytes }
if let wait = take("wait") { configuration.batch.maxWait = Nanoseconds(wait) * 1000 }
if let start = settings.removeValue(forKey: "start") { configuration.topics.start = .init(rawValue: start)! }
if let drain = take("drain") { configuration.drainTimeout = Nanoseconds(drain) * 1_000_000 }
if let span = take("span") { configuration.limits.span = span }
configuration.topics.deadLetters = settings.removeValue(forKey: "deadLetters")
if let isolate = settings.removeValue(forKey: "isolate") { configuration.isolation.isOn = isolate == "true" }
if let delivery = settings.removeValue(forKey: "delivery") { configuration.delivery = .init(rawValue: delivery)! }
if let order = settings.removeValue(forKey: "order") { configuration.topics.order = .init(rawValue: order)! }
if let interval = take("interval") { configuration.commitInterval = Nanoseconds(interval) * 1_000_000 }
configuration.batch.maxTokens = 1 << 30
let reportFile = settings.removeValue(forKey: "report")
configuration.untilEnd = settings.removeValue(forKey: "until") == "end"
configuration.kafka.merge(settings) { $1 }

let fetched = Fetched()
if reportFile != nil {
  configuration.kafka["statistics.interval.ms"] = "200"
  configuration.statistics = fetched.read
}
let worker = try Worker(model: model, configuration: configuration)
nonisolated(unsafe) var stopping: Worker? = worker  // Set before the signal is unblocked.
// Sendable: whichever thread gets the signal runs it.
signal(SIGTERM) { @Sendable _ in stopping?.stop() }
if let reportFile { report(worker, fetched, to: reportFile) }
do {
  try await worker.run()
  print(Timing.line)
} catch {
  print("TestWorker: \(error)")
  exit(1)
}
