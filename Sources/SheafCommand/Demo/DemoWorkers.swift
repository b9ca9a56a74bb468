import Glibc
import SheafTesting

/// Two `sheaf serve` processes in one consumer group.
final class DemoWorkers {
  static let group = "sheaf-demo"
  static let requests = "requests"
  static let replies = "replies"

  private let directory: TemporaryDirectory
  private let processes: [ChildProcess]

  init(bootstrap: String, model: String) throws {
    directory = try TemporaryDirectory("sheaf-demo")
    let path = directory.path
    let configuration = path + "/demo.yaml"
    try writeText(Self.configuration(bootstrap, model), to: configuration)
    processes = try (1...2).map { number in
      try ChildProcess(
        [try ownExecutable(), "serve", "--config", configuration], output: .file("\(path)/worker\(number).log"), removing: path)
    }
  }

  var pids: [pid_t] { processes.map(\.pid) }

  /// Throws where one has ended: no worker ends by itself.
  func checkRunning() throws {
    for index in processes.indices where !processes[index].isRunning { throw failure(index, "ended: \(processes[index].wait())") }
  }

  /// Asks both to end, as a deployment would.
  func stop() throws {
    for process in processes { process.signal(SIGTERM) }
    for index in processes.indices {
      guard let exit = processes[index].wait(seconds: 30) else { throw failure(index, "did not end within 30 s of SIGTERM") }
      guard exit == .code(0) else { throw failure(index, "answered SIGTERM with \(exit)") }
    }
  }

  private func failure(_ index: Int, _ what: String) -> ExitError {
    let log = (try? readText("\(directory.path)/worker\(index + 1).log")) ?? ""
    let tail = log.split(separator: "\n").suffix(20).map { "  \($0)" }
    return ExitError(code: ExitCode.failure, lines: ["demo: worker \(index + 1) \(what); its last lines:"] + tail)
  }

  /// A short session and short fetches: the embedded broker rebalances by the one and lets empty fetches wait by the other.
  private static func configuration(_ bootstrap: String, _ model: String) -> String {
    """
    kafka:
      bootstrap.servers: "\(bootstrap)"
      group.id: \(group)
      session.timeout.ms: 6000
      fetch.wait.max.ms: 10
    topics:
      requests: [\(requests)]
      format: text
      replies: \(replies)
      batchHeader: true
    models:
      - path: "\(model)"
        devices: [cpu]
        lanes: 1
        batch: { maxRows: 32, maxWait: 20ms, maxTokens: 4096 }

    """
  }
}

/// The path of this program.
private func ownExecutable() throws -> String {
  var path = [CChar](repeating: 0, count: 4097)
  guard readlink("/proc/self/exe", &path, path.count - 1) > 0 else { throw ExitError(code: ExitCode.failure, lines: ["demo: /proc/self/exe cannot be read"]) }
  return path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}
