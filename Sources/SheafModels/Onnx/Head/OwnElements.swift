import Sheaf

/// Which elements of a batch's rows along the padded axis are the rows' own: as the mask says, whoever made it, or as long as the
/// requests' rows were.
struct OwnElements {
  let length: Int
  /// Row by row.
  private let isOwn: [Bool]

  init(rows: [[Bool]]) {
    length = rows.first?.count ?? 0
    isOwn = Array(rows.joined())
  }

  init(_ batch: ModelBatch, length: Int) {
    self.length = length
    if let mask = OwnElements.mask(batch, length) {
      let spec = batch.signature.inputs[mask], size = spec.type.size, bytes = batch.input(mask)
      let isInverted = spec.padValue != 0
      isOwn = (0..<batch.rows * length).map { element in bytes[(element * size)..<((element + 1) * size)].contains { $0 != 0 } != isInverted }
    } else {
      isOwn = (0..<batch.rows).flatMap { row in (0..<length).map { $0 < batch.ownLength(row) } }
    }
  }

  private static func mask(_ batch: ModelBatch, _ length: Int) -> Int? {
    batch.signature.inputs.indices.first { if case .mask = batch.signature.inputs[$0].source { batch.inputShape($0) == [batch.rows, length] } else { false } }
  }

  func callAsFunction(_ row: Int, _ element: Int) -> Bool { isOwn[row * length + element] }
}
