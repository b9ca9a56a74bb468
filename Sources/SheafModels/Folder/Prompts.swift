import Sheaf

/// Texts that a model wants before others, as config_sentence_transformers.json of its folder lists them.
struct Prompts {
  private var texts: [(name: String, text: String)] = []
  private var usual: String?

  init(_ folder: ModelFolder) throws(ConfigurationError) {
    guard let place = folder.place(of: "config_sentence_transformers.json"), let file = try FilePart(file: place + "/config_sentence_transformers.json") else { return }
    for (name, text) in file["prompts"]?.node.members ?? [] { if let name = name.string, let text = text.string { texts.append((name, text)) } }
    usual = try file.string("default_prompt_name")
  }

  /// The text that is put before others; empty: none.
  /// - Throws: where a prompt is asked for that is not there.
  func text(_ choice: OnnxOptions.Prompt) throws(ConfigurationError) -> String {
    switch choice {
    case .none: return ""
    case .text(let text): return text
    case .asFolder: return usual.flatMap { name in texts.first { $0.name == name }?.text } ?? ""
    case .named(let name):
      if let prompt = texts.first(where: { $0.name == name }) { return prompt.text }
      throw ConfigurationError(
        key: "models.prompt", value: name, problem: "the model's folder has no such prompt",
        fix: texts.isEmpty ? "it has none: write the text itself as models.promptText" : "it has \(texts.map(\.name).joined(separator: ", "))")
    }
  }
}
