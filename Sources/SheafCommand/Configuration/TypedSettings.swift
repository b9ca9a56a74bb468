import Sheaf

/// Typed values of the settings: given, or the table's default. What cannot be read is a fault, and the default stands in so that
/// all faults are found at once.
extension GivenSettings {
  mutating func text(_ key: String) -> String? { values[key]?.text ?? SettingsTable.setting(key)?.standard }

  mutating func list(_ key: String) -> [String] { values[key]?.texts ?? [] }

  mutating func integer(_ key: String) -> Int? {
    parse(key) { text, kind throws(Units.Wrong) in
      guard let number = Int(text) else { throw Units.Wrong(problem: "not a whole number", fix: "write digits alone") }
      if case .integer(let range) = kind, !range.contains(number) { throw outOfRange(key) }
      return number
    }
  }

  mutating func number(_ key: String) -> Double? {
    parse(key) { text, _ throws(Units.Wrong) in
      guard let number = Double(text) else { throw Units.Wrong(problem: "not a number", fix: "write it like 0 or -1.5") }
      return number
    }
  }

  mutating func boolean(_ key: String) -> Bool? {
    parse(key) { text, _ throws(Units.Wrong) in
      guard let value = Bool(text) else { throw Units.Wrong(problem: "neither true nor false", fix: "write true or false") }
      return value
    }
  }

  mutating func duration(_ key: String) -> Nanoseconds? {
    parse(key) { text, kind throws(Units.Wrong) in
      let value = try text == "0" ? 0 : Units.duration(text)
      if case .duration(let range) = kind, !range.contains(value) { throw outOfRange(key) }
      return value
    }
  }

  mutating func bytes(_ key: String) -> Int? {
    parse(key) { text, kind throws(Units.Wrong) in
      let value = try Units.bytes(text)
      if case .bytes(let range) = kind, !range.contains(value) { throw outOfRange(key) }
      return value
    }
  }

  mutating func choice<Choice: RawRepresentable>(_ key: String, _: Choice.Type) -> Choice? where Choice.RawValue == String {
    choiceText(key).flatMap { Choice(rawValue: $0) }
  }

  mutating func choiceText(_ key: String) -> String? {
    parse(key) { text, kind throws(Units.Wrong) in
      guard case .choice(let choices) = kind else { return text }
      guard choices.contains(text) else {
        let hint = nearest(text, among: choices).map { "did you mean \($0)?" } ?? ""
        throw Units.Wrong(problem: "not a value it takes\(hint.isEmpty ? "" : ": \(hint)")", fix: "set one of \(choices.joined(separator: ", "))")
      }
      return text
    }
  }

  private mutating func parse<Value>(_ key: String, _ read: (String, Setting.Kind) throws(Units.Wrong) -> Value) -> Value? {
    let setting = SettingsTable.setting(key)!
    if let given = values[key] {
      do throws(Units.Wrong) { return try read(given.text, setting.kind) } catch {
        fault(given.origin, key: key, value: given.text.isEmpty ? "\"\"" : given.text, error.problem, error.fix)
      }
    }
    return setting.standard.flatMap { text in try? read(text, setting.kind) }
  }
}

private func outOfRange(_ key: String) -> Units.Wrong {
  Units.Wrong(problem: "out of range", fix: "set \(SettingsTable.setting(key)!.values)")
}
