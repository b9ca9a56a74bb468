import Sheaf

/// What a model's config.json says of it, as transformers writes the file.
struct ModelConfig {
  /// Ids of texts lie below this; `nil`: not said.
  var vocabulary: Int?
  /// The most ids a text may have; `nil`: not said.
  var positions: Int?
  /// Names of classes, by their number; empty: not said, or only made up (LABEL_0).
  var labels: [String] = []
  /// What the model was made for; empty: not said.
  var architecture = ""
  /// Classes exclude each other unless it says otherwise.
  var isMultiLabel = false

  /// - Throws: where there is a file that is no JSON.
  init(_ folder: ModelFolder) throws(ConfigurationError) {
    guard let place = folder.place(of: "config.json"), let file = try FilePart(file: place + "/config.json") else { return }
    vocabulary = file["vocab_size"]?.node.int
    positions = LengthLimit.positions(file)
    architecture = file["architectures"]?.node.array?.first?.string ?? ""
    isMultiLabel = file["problem_type"]?.node.string == "multi_label_classification"
    let named = file["id2label"]?.node.members ?? []
    var labels = [String?](repeating: nil, count: named.count)
    for (key, value) in named {
      guard let index = key.string.flatMap({ Int($0) }), labels.indices.contains(index), let label = value.string else { return }
      labels[index] = label
    }
    let known = labels.compactMap { $0 }
    if known.count == labels.count, !known.enumerated().allSatisfy({ $1 == "LABEL_\($0)" }) { self.labels = known }
  }
}
