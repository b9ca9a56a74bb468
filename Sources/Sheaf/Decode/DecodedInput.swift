/// One input of a request as it has been read: what it claims, and where its elements lie in the request's block.
struct DecodedInput {
  /// Index into the signature's inputs.
  var input: Int
  /// `nil`: it has no batch axis.
  var rows: Int?
  /// Extent along its pad axis, the longest of its rows; 1 where it has none.
  var length: Int
  /// The shape it came with.
  var shape: JSONShape
  /// Where its elements lie, and how many bytes they take.
  var offset: Int
  var byteCount: Int
  /// Where the lengths of its rows lie, an Int32 each; `nil`: all rows have `length`.
  var lengthsOffset: Int?
  /// It was made of texts.
  var isText = false
}

extension TensorSpec {
  /// Checks a request's shape against the model's and reads off its rows and length.
  ///
  /// Every fixed axis has to have its extent (of one that is padded, that or less), all others 1 or more.
  func extents(of shape: JSONShape) throws(RecordFault) -> (rows: Int?, length: Int) {
    var rows: Int?
    var length = 1
    var fits = shape.rank == self.shape.count
    for axis in 0..<min(shape.rank, self.shape.count) {
      let extent = shape[axis]
      if axis == batchAxis {
        rows = extent
        if extent < 1 { fits = false }
      } else if axis == padAxis {
        length = extent
        if extent < 1 { fits = false }
        if case .fixed(let most) = self.shape[axis], extent > most { fits = false }
      } else if case .fixed(let fixed) = self.shape[axis] {
        if extent != fixed { fits = false }
      } else if extent < 1 {
        fits = false
      }
    }
    guard fits else { throw RecordFault(.wrongInput, expected: "shape \(shapeDescription) for \(name)", came: shape.description) }
    return (rows, length)
  }

  /// `[batch,3,sequence]`.
  var shapeDescription: String {
    let axes = shape.indices.map { axis in
      switch shape[axis] {
      case .fixed(let extent): axis == batchAxis ? "batch" : axis == padAxis ? "1 to \(extent)" : "\(extent)"
      case .symbolic(let name): name
      }
    }
    return "[\(axes.joined(separator: ","))]"
  }
}
