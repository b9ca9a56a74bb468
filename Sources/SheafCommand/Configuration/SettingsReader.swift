import Glibc

/// The settings as they were given: by the file, the environment, the command line; the later overrides.
struct GivenSettings {
  struct Value {
    var texts: [String]
    var isList: Bool
    /// "sheaf.yaml:3:5", "SHEAF_TOPICS_REPLIES", "--set".
    var origin: String
  }
  private(set) var values: [String: Value] = [:]
  /// What is wrong, a line each.
  private(set) var faults: [String] = []

  /// - Parameters:
  ///   - file: name and bytes.
  ///   - environment: variables; those with a setting's name count.
  ///   - sets: `key=value` of the command line; lists with commas.
  init(file: (name: String, bytes: [UInt8]), environment: [String: String] = [:], sets: [String] = []) {
    do throws(YAMLError) {
      if let root = try YAMLReader.read(file.bytes) {
        read(root, path: "", file.name)
      } else {
        fault("\(file.name):1:1", "is empty", "write at least kafka, topics and models; `sheaf help serve` shows an example")
      }
    } catch {
      fault(place(file.name, error.position), error.problem, error.fix)
    }
    for setting in SettingsTable.all {
      guard let name = setting.environment, let text = environment[name] else { continue }
      put(setting.key, text, setting, origin: name)
    }
    for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("SHEAF_KAFKA_") {
      put("kafka." + name.dropFirst("SHEAF_KAFKA_".count).lowercased().map { $0 == "_" ? "." : String($0) }.joined(), text, SettingsTable.all[0], origin: name)
    }
    for set in sets {
      let parts = set.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else {
        fault("--set", "\(set): has no =", "write --set key=value")
        continue
      }
      guard let setting = SettingsTable.setting(parts[0]) else {
        fault("--set", "\(parts[0]): unknown key\(suggestion(parts[0]))", "`sheaf help serve` lists the keys")
        continue
      }
      put(parts[0], parts[1], setting, origin: "--set")
    }
  }

  private mutating func put(_ key: String, _ text: String, _ setting: Setting, origin: String) {
    if case .list = setting.kind {
      values[key] = Value(texts: text.split(separator: ",").map { String($0.drop { $0 == " " }) }, isList: true, origin: origin)
    } else {
      values[key] = Value(texts: [text], isList: false, origin: origin)
    }
  }

  private mutating func read(_ node: YAMLNode, path: String, _ file: String) {
    guard case .mapping(let entries) = node.content else {
      fault(place(file, node.position), path.isEmpty ? "is not a mapping" : "\(path): is not a mapping", "write keys and values below it")
      return
    }
    for entry in entries {
      let key = path.isEmpty ? entry.key : "\(path).\(entry.key)"
      if let setting = SettingsTable.setting(key), !isPartOfSection(key) {
        read(entry.value, setting, key, file)
      } else if key == "models" {
        readModels(entry.value, file)
      } else if SettingsTable.isSection(key) {
        if case .scalar("") = entry.value.content { continue }  // A section left empty.
        read(entry.value, path: key, file)
      } else {
        fault(place(file, entry.position), "\(key): unknown key\(suggestion(key))", "`sheaf help serve` lists the keys")
      }
    }
  }

  /// `models.inputs.NAME` matches no setting, though NAME may look like the end of one.
  private func isPartOfSection(_ key: String) -> Bool { key.hasPrefix("models.inputs.") && key.split(separator: ".").count == 3 }

  private mutating func readModels(_ node: YAMLNode, _ file: String) {
    guard case .sequence(let models) = node.content else {
      fault(place(file, node.position), "models: is not a list", "begin the model's first line with a hyphen: - path: …")
      return
    }
    guard models.count == 1 else {
      fault(place(file, node.position), "models: has \(models.count) models", "this version serves one; start a worker for each")
      return
    }
    read(models[0], path: "models", file)
  }

  private mutating func read(_ node: YAMLNode, _ setting: Setting, _ key: String, _ file: String) {
    let origin = place(file, node.position)
    switch (node.content, setting.kind) {
    case (.scalar(let text), .list): values[key] = Value(texts: [text], isList: true, origin: origin)
    case (.scalar(let text), _): values[key] = Value(texts: [text], isList: false, origin: origin)
    case (.sequence(let items), .list):
      var texts: [String] = []
      for item in items {
        if case .scalar(let text) = item.content { texts.append(text) } else { fault(place(file, item.position), "\(key): an item that is no text", "write one text an item") }
      }
      values[key] = Value(texts: texts, isList: true, origin: origin)
    default: fault(origin, "\(key): is not \(setting.values)", "write it as one value")
    }
  }

  private func suggestion(_ key: String) -> String {
    let keys = SettingsTable.all.map(\.key)
    if let near = nearest(key, among: keys) { return "; did you mean \(near)?" }
    // The right name in the wrong place.
    let name = key.split(separator: ".").last ?? ""
    return keys.first { $0.split(separator: ".").last == name }.map { "; did you mean \($0)?" } ?? ""
  }

  private func place(_ file: String, _ position: Position) -> String { "\(file):\(position.line):\(position.column)" }

  mutating func fault(_ origin: String, _ problem: String, _ fix: String) { faults.append("\(origin): \(problem); \(fix)") }
}
