/// One input of a JSON request as it has been read: what it claims, and where its elements lie in the request's block.
struct DecodedInput {
  /// Index into the signature's inputs.
  var input: Int
  /// `nil`: it has no batch axis.
  var rows: Int?
  /// Extent along its pad axis, the longest of its rows; 1 where it has none.
  var length: Int
  var offset: Int
  var byteCount: Int
  /// Where the lengths of its rows lie, an Int32 each; `nil`: all rows have `length`.
  var lengthsOffset: Int?
}

extension TensorSpec {
  /// Checks a request's shape against the model's and reads off its rows and length.
  ///
  /// Every fixed axis has to have its extent, batch and pad axis 1 or more. Rows that are stacked along another axis than the first
  /// would lie interleaved, so only one of them is taken.
  func extents(of shape: JSONShape) throws(RecordFault) -> (rows: Int?, length: Int) {
    var rows: Int?
    var length = 1
    var fits = shape.rank == self.shape.count
    for axis in 0..<min(shape.rank, self.shape.count) {
      switch self.shape[axis] {
      case .fixed(let extent) where axis != batchAxis && axis != padAxis: if shape[axis] != extent { fits = false }
      default:
        if shape[axis] < 1 { fits = false }
        if axis == batchAxis {
          rows = shape[axis]
        } else if axis == padAxis {
          length = shape[axis]
        } else {
          throw RecordFault(.unsupported, expected: "a model whose axes are fixed, but for rows and length", came: "axis \(axis) of \(name) is open")
        }
      }
    }
    guard fits else {
      throw RecordFault(.wrongInput, expected: "shape \(shapeDescription) for \(name)", came: shape.description)
    }
    if let rows, rows > 1, batchAxis != 0 {
      throw RecordFault(.unsupported, expected: "one row, since \(name) stacks rows along axis \(batchAxis ?? 0)", came: "\(rows)")
    }
    return (rows, length)
  }

  /// `[batch,3,sequence]`.
  private var shapeDescription: String {
    let axes = shape.map { axis in
      switch axis {
      case .fixed(let extent): "\(extent)"
      case .symbolic(let name): name
      }
    }
    return "[\(axes.joined(separator: ","))]"
  }
}
