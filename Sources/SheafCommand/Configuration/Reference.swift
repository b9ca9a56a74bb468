/// The settings as text: for the terminal, for docs/configuration.md, and as a JSON schema.
enum Reference {
  static var plain: String {
    SettingsTable.all.map { setting in
      let standard = setting.standard.map { " [\($0)]" } ?? ""
      return "  \(setting.key)\(standard)\n      \(setting.help) (\(setting.values))"
    }.joined(separator: "\n")
  }

  static var markdown: String {
    let rows = SettingsTable.all.map { setting in
      let variable = setting.environment.map { "`\($0)`" } ?? ""
      let values = setting.values.map { $0 == "|" ? "\\|" : String($0) }.joined()
      return "| `\(setting.key)` | \(values) | \(setting.standard.map { "`\($0)`" } ?? "") | \(setting.help) | \(variable) |"
    }.joined(separator: "\n")
    return """
      # Settings

      One YAML file; the environment overrides it, and `--set key=value` overrides both. Unknown keys are errors. Durations and sizes
      have units: `5ms`, `10s`, `64MiB`. This page is made from the table that the reader uses: `sheaf help --reference`.

      | key | value | default | what it is | environment |
      |---|---|---|---|---|
      \(rows)

      """
  }

  /// For editors: a JSON schema of the file.
  static var schema: String {
    final class Node { var children: [(String, Node)] = [], setting: Setting? }
    let root = Node()
    for setting in SettingsTable.all {
      var node = root
      for part in setting.key.split(separator: ".") {
        if let child = node.children.first(where: { $0.0 == part }) { node = child.1 } else {
          let child = Node()
          node.children.append((String(part), child))
          node = child
        }
      }
      node.setting = setting
    }
    func text(_ node: Node, _ name: String) -> String {
      if let setting = node.setting { return schema(setting) }
      let named = node.children.filter { $0.0 != "*" }.map { "\"\($0.0)\":\(text($0.1, $0.0))" }.joined(separator: ",")
      let any = node.children.first { $0.0 == "*" }.map { text($0.1, "*") } ?? "false"
      let object = "{\"type\":\"object\",\"properties\":{\(named)},\"additionalProperties\":\(any)}"
      return name == "models" ? "{\"type\":\"array\",\"minItems\":1,\"maxItems\":1,\"items\":\(object)}" : object
    }
    return text(root, "")
  }

  private static func schema(_ setting: Setting) -> String {
    let help = setting.help.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
    let type = switch setting.kind {
    case .text: "\"type\":[\"string\",\"number\",\"boolean\"]"
    case .list: "\"type\":[\"array\",\"string\"]"
    case .integer(let range): "\"type\":\"integer\",\"minimum\":\(range.lowerBound),\"maximum\":\(range.upperBound)"
    case .number: "\"type\":\"number\""
    case .boolean: "\"type\":\"boolean\""
    case .duration, .bytes: "\"type\":\"string\""
    case .choice(let choices): "\"enum\":[\(choices.map { $0 == "true" || $0 == "false" ? "\"\($0)\",\($0)" : "\"\($0)\"" }.joined(separator: ","))]"
    }
    return "{\(type),\"description\":\"\(help)\"}"
  }
}
