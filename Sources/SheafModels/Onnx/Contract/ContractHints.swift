/// What is known of a model before anything of it is run: by its folder, and by what its graph is made of.
struct ContractHints {
  /// Ids of texts lie below this; `nil`: not known.
  var vocabulary: Int?
  /// What ids are padded with.
  var padID: Double = 0
  /// Its numbers are rounded as half precision's are.
  var isHalf = false
  /// Operators that measure their input as a whole while they run, and so make every row depend on its company.
  var quantisers: [String] = []
  /// Outputs that no input's values reach.
  var constantOutputs: Set<String> = []
  /// A model is batched although its answers change in a batch.
  var acceptsUnsafe = false

  init() {}
}
