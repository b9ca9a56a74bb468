/// A long option of a command: `--name`, with a value where `value` names one.
struct Option {
  var name: String
  /// What the help calls its value; `nil`: a switch.
  var value: String?
  var help: String
  /// May be given more than once.
  var repeats = false

  init(_ name: String, _ value: String? = nil, _ help: String, repeats: Bool = false) {
    self.name = name
    self.value = value
    self.help = help
    self.repeats = repeats
  }

  var usage: String { "--\(name)" + (value.map { " \($0)" } ?? "") }
}

extension [Option] {
  /// The options part of a command's help.
  var help: String {
    let width = map(\.usage.count).max() ?? 0
    return map { "  \($0.usage.padded(to: width))  \($0.help)" }.joined(separator: "\n")
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}

/// Arguments of a command, sorted into options and what is left. `--` ends the options; `-` alone is an argument.
struct Arguments {
  private var values: [String: [String]] = [:]
  /// What is no option, in order.
  private(set) var rest: [String] = []

  /// - Parameter rest: how many other arguments the command takes at most, and what they are.
  init(_ arguments: [String], options: [Option], rest bound: Int = 0, command: String) throws(UsageError) {
    var left = arguments[...]
    while let argument = left.popFirst() {
      if argument == "--" {
        rest += left
        break
      }
      guard argument.hasPrefix("-"), argument != "-" else {
        rest.append(argument)
        continue
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0].drop { $0 == "-" })
      guard argument.hasPrefix("--"), let option = options.first(where: { $0.name == name }) else {
        let hint = nearest(name, among: options.map(\.name)).map { "; did you mean --\($0)?" } ?? ""
        throw UsageError("\(command): unknown option \(parts[0])\(hint); `sheaf help \(command)` lists the options")
      }
      if !option.repeats && values[name] != nil { throw UsageError("\(command): --\(name) is given twice; give it once") }
      var value = parts.count == 2 ? String(parts[1]) : nil
      if option.value == nil {
        if value != nil { throw UsageError("\(command): --\(name) takes no value; write --\(name) alone") }
        value = ""
      } else if value == nil {
        value = left.popFirst()
      }
      guard let value else { throw UsageError("\(command): --\(name) has no value; write \(option.usage)") }
      values[name, default: []].append(value)
    }
    if rest.count > bound {
      throw UsageError("\(command): unexpected argument \(rest[bound]); `sheaf help \(command)` says what it takes")
    }
  }

  func has(_ name: String) -> Bool { values[name] != nil }
  func all(_ name: String) -> [String] { values[name] ?? [] }
  subscript(_ name: String) -> String? { values[name]?.last }
}
