import Glibc
import SheafTesting

/// The built command as a process.
struct Sheaf {
  let process: ChildProcess
  private let directory: TemporaryDirectory
  private var output: String { directory.path + "/output" }

  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    directory = try TemporaryDirectory()
    process = try ChildProcess([try builtExecutable("sheaf")] + arguments, environment: environment, output: .file(directory.path + "/output"))
  }

  /// Waits for its end; gives its exit code (nil: it ended otherwise, or not in time) and what it printed, both streams.
  func end(within seconds: Double = 60) throws -> (code: Int32?, lines: [String]) {
    guard case .code(let code) = process.wait(seconds: seconds) else { return (nil, try lines()) }
    return (code, try lines())
  }

  /// What it has printed so far.
  func lines() throws -> [String] { try readText(output).split(separator: "\n").map(String.init) }

  /// Waits until it prints a line that contains `text`.
  func waits(for text: String, seconds: Double) -> Bool {
    looks(for: seconds) { (try? lines())?.contains { $0.contains(text) } == true }
  }

  static func run(_ arguments: String...) throws -> (code: Int32?, lines: [String]) { try Sheaf(arguments).end() }
}

/// A configuration file for a worker on MiniLM, in a directory of its own.
func minilmConfiguration(_ bootstrap: String, in directory: TemporaryDirectory, topics: String = "requests: [requests], replies: replies, deadLetters: dead") throws -> String {
  let path = directory.path + "/sheaf.yaml"
  try writeText("""
    kafka: { bootstrap.servers: "\(bootstrap)", group.id: embeddings, fetch.wait.max.ms: 10 }
    topics: { \(topics) }
    models:
      - path: \(try Installed.minilm)
        lanes: 1
        warmUp: 0s
    """, to: path)
  return path
}
