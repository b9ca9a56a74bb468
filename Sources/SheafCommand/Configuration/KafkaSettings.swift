import Glibc
import Sheaf
import SheafKafka

/// The settings below `kafka`: references to secrets put in, and every property shown to librdkafka, so that one it does not know
/// is told with its place.
extension GivenSettings {
  mutating func kafka(_ environment: [String: String]) -> [String: String] {
    var properties: [String: String] = [:]
    for (key, given) in values.sorted(by: { $0.key < $1.key }) where key.hasPrefix("kafka.") {
      let property = String(key.dropFirst("kafka.".count))
      do throws(Units.Wrong) {
        let value = given.origin.isEnvironment ? given.text : try expand(given.text, environment)
        properties[property] = value
        // Reserved ones are told by the worker, with the reason.
        guard ReservedProperties.reasons[property] == nil, let refusal = librdkafkaRefusal(property, value) else { continue }
        switch refusal {
        case .unknown:
          fault(given.origin, key: key, "librdkafka \(librdkafkaVersion()) has no such property\(didYouMean(property, among: librdkafkaProperties()))", "correct its name, or leave it out")
        case .value(let problem):
          // Whatever is put in for a reference stays out of the log.
          let isHidden = given.origin.isEnvironment || isSecret(property) || value != given.text
          fault(given.origin, key: key, value: shown(property, given), isHidden ? "librdkafka refuses the value" : problem, "correct the value, or leave it out")
        }
      } catch {
        fault(given.origin, key: key, error.problem, error.fix)
      }
    }
    return properties
  }

  /// A property's value as it was written, references and all; nothing where it is a secret written out.
  func shown(_ property: String, _ given: Value) -> String {
    given.origin.isEnvironment || isSecret(property) && !given.text.contains("${") ? "" : given.text
  }

  private func isSecret(_ property: String) -> Bool {
    ["password", "secret", "passphrase", ".pem", "jaas", "oauthbearer.config"].contains { property.contains($0) }
  }
}

extension Origin {
  fileprivate var isEnvironment: Bool { if case .environment = self { true } else { false } }
}

/// Replaces ${NAME} by a variable of the environment and ${file:PATH} by a file's content without its last line break.
func expand(_ text: String, _ environment: [String: String]) throws(Units.Wrong) -> String {
  var result = "", rest = text[...]
  while let start = rest.firstReference {
    guard let end = rest[start...].firstIndex(of: "}") else { throw Units.Wrong(problem: "${ without }", fix: "close it") }
    let name = String(rest[rest.index(start, offsetBy: 2)..<end])
    result += rest[..<start]
    result += try value(of: name, environment)
    rest = rest[rest.index(after: end)...]
  }
  return result + rest
}

private func value(of name: String, _ environment: [String: String]) throws(Units.Wrong) -> String {
  guard name.hasPrefix("file:") else {
    if let value = environment[name] { return value }
    throw Units.Wrong(problem: "${\(name)} is not set", fix: "set the variable \(name) in the environment")
  }
  guard var bytes = readFile(String(name.dropFirst("file:".count))) else {
    throw Units.Wrong(problem: "${\(name)}: \(String(cString: strerror(errno)))", fix: "name a file that can be read")
  }
  if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
  if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
  return String(decoding: bytes, as: UTF8.self)
}

extension Substring {
  /// Where the first "${" is.
  fileprivate var firstReference: Index? {
    indices.first { self[$0] == "$" && self[index(after: $0)...].first == "{" }
  }
}
