import Sheaf

/// What an output was seen to be: the rows of a batch along one axis, something that all rows share, or neither. Pure.
enum OutputRole: Equatable {
  case rows(axis: Int)
  /// The same whatever the rows hold.
  case shared
  /// One answer to the whole tensor that was sent: its extents follow the data, or rows are not told apart.
  case whole
}

/// Outputs of the same rows alone and in company, put side by side.
struct OutputComparison {
  /// Of each row alone (or, with a fixed number of rows, as all rows of a run): the whole output.
  var alone: [RowTrial.Answer]
  /// Of the first two rows together, and of all; with a fixed number of rows only all.
  var together: [RowTrial.Answer]
  /// Every run has so many rows; `nil`: as many as were sent.
  var fixedRows: Int?
  var tolerance: Tolerance

  struct Finding: Equatable {
    var role: OutputRole
    /// How far a row in company was from the same alone, where that is too far; `nil`: it is the same.
    var difference: Double?
  }

  /// - Parameter axis: the only one that is looked at; `nil`: any.
  func finding(axis: Int? = nil) -> Finding {
    let first = alone[0], all = together[together.count - 1]
    let candidates = first.shape.indices.filter { (axis == nil || $0 == axis) && isRowAxis($0) }
    var best: Finding?
    for candidate in candidates {
      var largest = 0.0, isWithin = true
      for (row, own) in alone.enumerated() {
        for batch in together where row < batch.shape[candidate] {
          let truth = fixedRows == nil ? own : own.slice(candidate, row), difference = tolerance.compare(batch.slice(candidate, row), truth)
          largest = max(largest, difference.largest)
          isWithin = isWithin && difference.isWithin
        }
      }
      if isWithin { return Finding(role: .rows(axis: candidate), difference: nil) }
      if best == nil || largest < best!.difference! { best = Finding(role: .rows(axis: candidate), difference: largest) }
    }
    if (alone + together).allSatisfy({ tolerance.compare($0, first).isWithin }) { return Finding(role: .shared, difference: nil) }
    // Rows of one that seem to depend on each other are told as that only where every extent but the rows is the same.
    if let best, all.shape.count == first.shape.count { return best }
    return Finding(role: .whole, difference: nil)
  }

  /// Whether an axis has as many elements as there were rows, and all others the same.
  private func isRowAxis(_ axis: Int) -> Bool {
    func without(_ shape: [Int]) -> [Int] { shape.indices.filter { $0 != axis }.map { shape[$0] } }
    let rest = without(alone[0].shape)
    let counts = fixedRows.map { [$0] } ?? [2, alone.count]
    return alone.allSatisfy { $0.shape.count > axis && $0.shape[axis] == fixedRows ?? 1 && without($0.shape) == rest }
      && zip(together, counts).allSatisfy { $0.shape.count > axis && $0.shape[axis] == $1 && without($0.shape) == rest }
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
