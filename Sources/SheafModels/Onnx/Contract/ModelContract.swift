import Sheaf

/// How rows become a batch of a model, and what its answers are cut by: what was found out by trying.
struct ModelContract {
  var inputs: [TensorSpec] = []
  var outputs: [TensorSpec] = []
  /// 1: rows run one at a time; `nil`: any number.
  var maxRows: Int?
  var fixedRows: Int?
  var example = RowExample()
  /// An answer that was found to depend on its company.
  var coupling: Coupling?
  /// No row that was made up could be run.
  var isUntried = false
  /// What was found, and why something is not done, a sentence each.
  var notes: [String] = []
  /// Outputs of single rows, a row's after another's.
  var samples: [[RowTrial.Answer]] = []
  /// Trials that were run.
  var runs = 0

  struct Coupling: Hashable {
    var output: String
    /// How far apart a row's answers alone and in company were; `nil`: it is not seen, as all outputs are whole numbers.
    var difference: Double?
    /// Operators that may be why.
    var cause: String
  }
}
