import Glibc
import Sheaf
import Synchronization

/// identity-worker BOOTSTRAP REQUESTS REPLIES GROUP BYTES
///
/// Sheaf with a model that gives back what it gets, against echo.c: what everything around the model costs. Works off the topic
/// and prints the seconds from the first record to the end, last commit included, and the seconds of processor time.
@main
enum IdentityWorker {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 6, let size = Int(arguments[5]) else {
      print("usage: identity-worker BOOTSTRAP REQUESTS REPLIES GROUP BYTES")
      exit(2)
    }
    var configuration = WorkerConfiguration(
      kafka: [
        "bootstrap.servers": arguments[1], "group.id": arguments[4], "session.timeout.ms": "6000", "fetch.wait.max.ms": "10",
        "linger.ms": "5",
      ],
      topics: .init(requests: [arguments[2]], format: .raw, replyFormat: .raw, replies: arguments[3]),
      batch: BatchSettings(maxRows: 1024, maxWait: 1_000_000),
      // As much as echo.c may have inside.
      limits: .init(records: 4_000_000, bytes: 1 << 30, span: 65_536))
    configuration.untilEnd = true
    configuration.log = { _ in }  // What is wrong is thrown.
    let model = IdentityModel(size: size)
    try await Worker(model: model, configuration: configuration).run()
    let end = seconds(CLOCK_MONOTONIC)
    guard model.firstRun > 0 else { fatalError("no record reached the model: is there any, of \(size) bytes?") }
    print(end - model.firstRun, seconds(CLOCK_PROCESS_CPUTIME_ID))
  }
}

/// Answers bytes with the same bytes.
final class IdentityModel: Model {
  let name = "identity"
  let signature: Signature
  private let first = Atomic<UInt64>(0)

  init(size: Int) {
    signature = Signature(inputs: [.rows("input", .uint8, [size])], outputs: [.rows("output", .uint8, [size])])
  }

  func makeContext() throws -> any RunContext { Context(self) }

  /// When the first batch came: seconds of CLOCK_MONOTONIC.
  var firstRun: Double { Double(bitPattern: first.load(ordering: .relaxed)) }

  private final class Context: RunContext {
    private let model: IdentityModel
    init(_ model: IdentityModel) { self.model = model }

    func run(_ batch: ModelBatch) {
      if model.first.load(ordering: .relaxed) == 0 { model.first.store(seconds(CLOCK_MONOTONIC).bitPattern, ordering: .relaxed) }
      batch.output(0).copyMemory(from: batch.input(0))
    }
  }
}

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
