extension Signature {
  /// The extent that every row is padded to, where the model was exported with one; `nil`: rows are padded to the longest of their
  /// batch, or not at all.
  var fixedLength: Int? {
    for spec in inputs where spec.source == .request {
      if let axis = spec.padAxis, case .fixed(let extent) = spec.shape[axis] { return extent }
    }
    return nil
  }

  /// What a made-up row's open axes multiply to where nothing is padded, by the input where that is most: its length, as batches are
  /// bounded and measured by it.
  var exampleLength: Int {
    guard !isPadded else { return fixedLength ?? min(RowExample.anyExtent, maxLength ?? .max) }
    return inputs.filter { $0.source == .request }.map { spec in spec.openAxes.reduce(1) { $0 * example.extent(spec.shape[$1]) } }.max() ?? 1
  }
}

extension RowExample {
  func extent(_ dimension: Dimension) -> Int {
    switch dimension {
    case .fixed(let extent): extent
    case .symbolic(let name): extents[name] ?? RowExample.anyExtent
    }
  }

  func limit(_ spec: TensorSpec) -> Int { max(2, limits[spec.name] ?? RowExample.anyLimit) }
}
