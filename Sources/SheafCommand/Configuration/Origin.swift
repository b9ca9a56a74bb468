/// Where a setting was given: what a fault's line begins with.
enum Origin: Hashable, Sendable, CustomStringConvertible {
  /// A place in the configuration file; without a position, the file as a whole.
  case file(String, Position?)
  case environment(String)
  case flag

  var description: String {
    switch self {
    case .file(let name, let position?): "\(name):\(position.line):\(position.column)"
    case .file(let name, nil): name
    case .environment(let name): name
    case .flag: "--set"
    }
  }

  /// Faults are told in the order of the file, then what is missing there, then the environment's and the flags'.
  fileprivate var rank: (Int, Int, Int) {
    switch self {
    case .file(_, let position?): (0, position.line, position.column)
    case .file(_, nil): (1, 0, 0)
    case .environment: (2, 0, 0)
    case .flag: (3, 0, 0)
    }
  }
}

/// One thing that is wrong with a configuration: where, which setting, its value, what is wrong and what to do.
struct Fault: Hashable, Sendable, CustomStringConvertible {
  var origin: Origin
  /// Empty where it is about the file as a whole.
  var key: String
  /// As it was written; empty where it is left out or secret.
  var value: String
  var problem: String
  var fix: String

  var description: String {
    let subject = [key, value].filter { !$0.isEmpty }.map { "\(printable($0)): " }.joined()
    return "\(origin): \(subject)\(printable(problem)); \(printable(fix))"
  }

  static func inOrder(_ first: Fault, _ second: Fault) -> Bool { first.origin.rank < second.origin.rank }
}

/// Without line breaks and other control characters, and not endless: a fault is one line, whatever it quotes.
private func printable(_ text: String) -> String {
  let line = String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  return line.count > 300 ? line.prefix(300) + "…" : line
}
