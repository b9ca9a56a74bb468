@testable import SheafCommand

/// What is wrong with a configuration file called sheaf.yaml, a line each, in the order in which the command prints them.
func faults(_ text: String, sets: [String] = [], environment: [String: String] = [:]) -> [String] {
  faults(Array(text.utf8), sets: sets, environment: environment)
}

func faults(_ bytes: [UInt8], sets: [String] = [], environment: [String: String] = [:]) -> [String] {
  var given = GivenSettings(file: ("sheaf.yaml", bytes), environment: environment, sets: sets)
  _ = ServeConfiguration(&given, environment)
  return given.faults.sorted(by: Fault.inOrder).map(\.description)
}

/// The configuration that a file without faults gives.
func configuration(_ text: String, sets: [String] = [], environment: [String: String] = [:]) -> ServeConfiguration {
  var given = GivenSettings(file: ("sheaf.yaml", Array(text.utf8)), environment: environment, sets: sets)
  return ServeConfiguration(&given, environment)
}

/// A configuration without faults, with one of its six lines replaced, or lines added after it. (The model need only be readable.)
func file(_ line: Int = 0, _ replacement: String = "", adding more: String = "") -> String {
  var lines = [
    "kafka:",
    "  bootstrap.servers: localhost:9092",
    "  group.id: embeddings",
    "topics: { requests: [requests], replies: replies }",
    "models:",
    "  - path: /dev/null",
  ]
  if line > 0 { lines[line - 1] = replacement }
  return (lines + [more]).joined(separator: "\n")
}
