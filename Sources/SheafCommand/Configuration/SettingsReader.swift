import Glibc
import Sheaf

/// The settings as they were given: by the file, the environment, the command line; the later overrides.
struct GivenSettings {
  struct Value {
    var texts: [String]
    var origin: Origin
    var text: String { texts.joined(separator: ",") }
  }
  let file: String
  private(set) var values: [String: Value] = [:]
  private(set) var faults: [Fault] = []

  /// - Parameters:
  ///   - file: name and bytes.
  ///   - environment: variables; those with a setting's name count.
  ///   - sets: `key=value` of the command line; lists with commas.
  init(file: (name: String, bytes: [UInt8]), environment: [String: String] = [:], sets: [String] = []) {
    self.file = file.name
    do throws(YAMLError) {
      if let root = try YAMLReader.read(file.bytes) {
        read(root, path: [])
      } else {
        fault(.file(file.name, Position(line: 1, column: 1)), "is empty", "write at least kafka, topics and models; `sheaf help serve` shows an example")
      }
    } catch {
      fault(.file(file.name, error.position), error.problem, error.fix)
    }
    read(environment)
    for set in sets { read(set) }
  }

  // MARK: File

  private mutating func read(_ node: YAMLNode, path: [String]) {
    guard case .mapping(let entries) = node.content else {
      fault(place(node), key: path.joined(separator: "."), "is not a mapping", "write keys and values below it")
      return
    }
    for entry in entries {
      let path = path + [entry.key], key = path.joined(separator: ".")
      if let setting = SettingsTable.setting(path) {
        read(entry.value, setting, key)
      } else if path == ["models"] {
        readModels(entry.value)
      } else if SettingsTable.isSection(path) {
        if case .scalar("") = entry.value.content { continue }  // A section left empty.
        read(entry.value, path: path)
      } else {
        fault(.file(file, entry.position), key: key, "unknown key\(SettingsTable.suggestion(path))", "`sheaf help serve` lists the keys")
      }
    }
  }

  private mutating func readModels(_ node: YAMLNode) {
    guard case .sequence(let models) = node.content else {
      fault(place(node), key: "models", "is not a list", "begin the model's first line with a hyphen: - path: …")
      return
    }
    guard models.count == 1 else {
      fault(place(node), key: "models", "has \(models.count) models", "this version serves one; start a worker for each")
      return
    }
    read(models[0], path: ["models"])
  }

  private mutating func read(_ node: YAMLNode, _ setting: Setting, _ key: String) {
    switch (node.content, setting.kind) {
    case (.scalar(let text), _): values[key] = Value(texts: [text], origin: place(node))
    case (.sequence(let items), .list):
      var texts: [String] = []
      for item in items {
        if case .scalar(let text) = item.content { texts.append(text) } else { fault(place(item), key: key, "an item that is no text", "write one text an item") }
      }
      values[key] = Value(texts: texts, origin: place(node))
    default: fault(place(node), key: key, "is not \(setting.values)", "write it as one value")
    }
  }

  private func place(_ node: YAMLNode) -> Origin { .file(file, node.position) }

  // MARK: Environment and command line

  private mutating func read(_ environment: [String: String]) {
    let named = Dictionary(uniqueKeysWithValues: SettingsTable.all.compactMap { setting in setting.environment.map { ($0, setting) } })
    let sections = Set(SettingsTable.all.map(\.parts).filter { $0.count > 1 }.map { "SHEAF_\($0[0].uppercased())_" })
    for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("SHEAF_") {
      if let setting = named[name] {
        put(setting.key, text, setting, .environment(name))
      } else if isServiceLink(name) {
        continue
      } else if name.hasPrefix("SHEAF_KAFKA_") {
        let property = name.dropFirst("SHEAF_KAFKA_".count).lowercased().map { $0 == "_" ? "." : String($0) }.joined()
        put("kafka.\(property)", text, SettingsTable.kafka, .environment(name))
      } else if sections.contains(where: name.hasPrefix) {
        fault(.environment(name), "no setting has this variable\(didYouMean(name, among: Array(named.keys)))", "correct its name, or unset it")
      }
    }
  }

  /// Kubernetes puts variables such as SHEAF_KAFKA_SERVICE_HOST into every pod beside a service called sheaf-kafka.
  private func isServiceLink(_ name: String) -> Bool {
    name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.hasSuffix("_PORT") || name.contains("_PORT_")
  }

  private mutating func read(_ set: String) {
    let parts = set.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else {
      fault(.flag, key: set, "has no =", "write --set key=value")
      return
    }
    guard let setting = SettingsTable.setting(parts[0]) else {
      fault(.flag, key: parts[0], "unknown key\(SettingsTable.suggestion([parts[0]]))", "`sheaf help serve` lists the keys")
      return
    }
    put(parts[0], parts[1], setting, .flag)
  }

  private mutating func put(_ key: String, _ text: String, _ setting: Setting, _ origin: Origin) {
    if case .list = setting.kind {
      values[key] = Value(texts: text.split(separator: ",").map { String($0.drop { $0 == " " }) }, origin: origin)
    } else {
      values[key] = Value(texts: [text], origin: origin)
    }
  }

  // MARK: Faults

  /// Whether something is wrong already with a setting, a section that it is in, or the file as a whole.
  func isFaulty(_ key: String) -> Bool {
    faults.contains { $0.key.isEmpty || $0.key == key || key.hasPrefix("\($0.key).") }
  }

  mutating func fault(_ origin: Origin, key: String = "", value: String = "", _ problem: String, _ fix: String) {
    faults.append(Fault(origin: origin, key: key, value: value, problem: problem, fix: fix))
  }

  /// A fault of a setting, told where it was given; of the file as a whole where it was not.
  mutating func fault(of key: String, value: String = "", _ problem: String, _ fix: String) {
    fault(values[key]?.origin ?? .file(file, nil), key: key, value: value, problem, fix)
  }
}
