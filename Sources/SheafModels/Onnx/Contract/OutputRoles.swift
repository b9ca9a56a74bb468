import Sheaf

/// What an output was seen to be: the rows of a batch along one axis, something that all rows share, or neither. Pure.
enum OutputRole: Equatable {
  case rows(axis: Int)
  /// The same whatever the rows hold.
  case shared
  /// One answer to the whole tensor that was sent: its extents follow the data, or rows are not told apart.
  case whole
}

/// Runs of the same rows alone and in company, in several orders, put side by side: one output of each.
struct OutputComparison {
  struct Run {
    /// Which row lay where.
    var rows: [Int]
    var answer: RowTrial.Answer
  }
  var runs: [Run]
  /// All runs had as many rows, as the model was exported: that an extent is the same tells nothing of rows.
  var isFixed: Bool
  var tolerance: Tolerance

  struct Finding: Equatable {
    var role: OutputRole
    /// How far a row in company was from the same alone, or in another place, where that is too far; `nil`: it is the same.
    var difference: Double?
  }

  /// - Parameter axis: the only one that is looked at; `nil`: any.
  func finding(axis: Int? = nil) -> Finding {
    // Nothing says nothing.
    if runs.allSatisfy({ $0.answer.values.isEmpty }) { return Finding(role: .whole, difference: nil) }
    let first = runs[0].answer, isConstant = runs.allSatisfy { tolerance.compare($0.answer, first).isWithin }
    if isConstant, isFixed, axis == nil { return Finding(role: .shared, difference: nil) }
    var best: Finding?
    for candidate in first.shape.indices where (axis == nil || candidate == axis) && isRowAxis(candidate) {
      let difference = difference(along: candidate)
      if difference.isWithin { return Finding(role: .rows(axis: candidate), difference: nil) }
      if best == nil || difference.largest < best!.difference! { best = Finding(role: .rows(axis: candidate), difference: difference.largest) }
    }
    if isConstant { return Finding(role: .shared, difference: nil) }
    return best ?? Finding(role: .whole, difference: nil)
  }

  /// How far the answers to one row are apart.
  private func difference(along axis: Int) -> Tolerance.Difference {
    var truths: [Int: RowTrial.Answer] = [:]
    var all = Tolerance.Difference(largest: 0, isWithin: true)
    for run in runs {
      for (place, row) in run.rows.enumerated() {
        let own = run.answer.slice(axis, place)
        guard let truth = truths[row] else {
          truths[row] = own
          continue
        }
        let difference = tolerance.compare(own, truth)
        all.largest = max(all.largest, difference.largest)
        all.isWithin = all.isWithin && difference.isWithin
      }
    }
    return all
  }

  /// Whether an axis has as many elements as there were rows, and all others the same.
  private func isRowAxis(_ axis: Int) -> Bool {
    func without(_ shape: [Int]) -> [Int] { shape.indices.filter { $0 != axis }.map { shape[$0] } }
    let rest = without(runs[0].answer.shape)
    return runs.allSatisfy { $0.answer.shape.count > axis && $0.answer.shape[axis] == $0.rows.count && without($0.answer.shape) == rest }
  }
}

extension RowTrial.Answer {
  /// One index of an axis, which stays as an axis of one.
  func slice(_ axis: Int, _ index: Int) -> RowTrial.Answer {
    let inner = shape[(axis + 1)...].reduce(1, *), outer = shape[..<axis].reduce(1, *)
    var taken: [Double] = []
    taken.reserveCapacity(inner * outer)
    for block in 0..<outer { taken += values[((block * shape[axis] + index) * inner)..<((block * shape[axis] + index + 1) * inner)] }
    var shape = shape
    shape[axis] = 1
    return RowTrial.Answer(shape: shape, values: taken)
  }

  /// The first elements of an axis.
  func prefix(_ axis: Int, _ count: Int) -> RowTrial.Answer {
    let inner = shape[(axis + 1)...].reduce(1, *), outer = shape[..<axis].reduce(1, *)
    var taken: [Double] = []
    for block in 0..<outer { taken += values[(block * shape[axis] * inner)..<((block * shape[axis] + min(count, shape[axis])) * inner)] }
    var shape = shape
    shape[axis] = min(count, shape[axis])
    return RowTrial.Answer(shape: shape, values: taken)
  }
}
