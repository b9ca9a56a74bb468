import Glibc

/// Why rows cannot be a batch. Never the case for requests of one group that decoders made; looked at all the same, since a wrong
/// extent would write into a neighbour's row or beyond the tensor.
struct BatchFault: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Copies requests' rows into a batch's input tensors, once, and fills what requests do not carry: padding, masks, constants.
///
/// Every input is laid out by its own extents, and every byte of it is written. Belongs to one lane.
final class BatchFiller {
  /// Rows of one request that go into a batch.
  struct Piece {
    var request: Request
    var first: Int
    var rows: Int
  }

  private let signature: Signature
  private let inputs: [Input]
  /// nil: batches are run as they are.
  private let rounding: ShapeRounding?
  private let fixedLength: Int?
  /// The input whose rows say how long they are; nil: nothing is padded.
  private let padded: Int?

  /// What is known of an input beforehand.
  private struct Input {
    /// Of a mask: the input whose elements it tells.
    var masked: Int?
    /// Open axes by their place among `symbols`; nil: rows, length or fixed.
    var symbols: [Int?]
  }
  /// The names of open axes.
  private let symbols: [String]
  /// Their extents in the batch at hand.
  private var extents: [Int] = []
  private var pieces: [Piece] = []

  init(_ signature: Signature, rounding: ShapeRounding? = nil) {
    self.signature = signature
    self.rounding = rounding
    fixedLength = signature.fixedLength
    padded = signature.inputs.firstIndex { $0.source == .request && $0.padAxis != nil }
    var symbols: [String] = []
    inputs = signature.inputs.map { spec in
      let open = spec.openAxes
      let places = spec.shape.indices.map { axis -> Int? in
        guard open.contains(axis), case .symbolic(let name) = spec.shape[axis] else { return nil }
        if let known = symbols.firstIndex(of: name) { return known }
        symbols.append(name)
        return symbols.count - 1
      }
      if case .mask(let name) = spec.source { return Input(masked: signature.input(named: name), symbols: places) }
      return Input(masked: nil, symbols: places)
    }
    self.symbols = symbols
  }

  /// Rows and length of a batch of these.
  private func shape(_ requests: ArraySlice<Request>) -> BatchShape {
    var shape = BatchShape(rows: 0, length: 1)
    for request in requests {
      shape.rows += Int(request.rows)
      shape.length = max(shape.length, Int(request.length))
    }
    return shape
  }

  /// Whether a batch of these would be of a shape that was never run, where those are slow.
  func isNew(_ requests: ArraySlice<Request>) -> Bool { rounding.map { !$0.holds(shape(requests)) } ?? false }

  /// - Parameter length: what rows are padded to at least, where they may be.
  /// - Throws: where the requests cannot run together.
  func fill(_ batch: ModelBatch, _ requests: ArraySlice<Request>, atLeast length: Int = 1) throws(BatchFault) {
    pieces.removeAll(keepingCapacity: true)
    for request in requests { pieces.append(Piece(request: request, first: 0, rows: Int(request.rows))) }
    var shape = shape(requests)
    shape.length = max(shape.length, length)
    try fill(batch, shape)
  }

  /// A part of one request.
  func fill(_ batch: ModelBatch, _ request: Request, rows: Range<Int>) throws(BatchFault) {
    pieces.removeAll(keepingCapacity: true)
    pieces.append(Piece(request: request, first: rows.lowerBound, rows: rows.count))
    try fill(batch, BatchShape(rows: rows.count, length: Int(request.length)))
  }

  private func fill(_ batch: ModelBatch, _ own: BatchShape) throws(BatchFault) {
    var shape = rounding?.round(own) ?? own
    if let fixed = signature.fixedRows { shape.rows = max(own.rows, fixed) }
    // Rows of padding are some request's row once more, whose answer nobody reads: no value that the model was not made for.
    if shape.rows > own.rows, let spare = pieces.first {
      for _ in own.rows..<shape.rows { pieces.append(Piece(request: spare.request, first: spare.first, rows: 1)) }
    }
    batch.begin(rows: shape.rows, length: fixedLength ?? shape.length, requested: own.rows)
    if let padded { noteLengths(padded, batch) }
    try findExtents()
    for index in signature.inputs.indices { try fill(index, batch) }
  }

  private func noteLengths(_ index: Int, _ batch: ModelBatch) {
    for piece in pieces {
      let tensor = piece.request.tensor(index)
      for row in piece.first..<(piece.first + piece.rows) { batch.ownLengths.append(tensor.lengths?[row] ?? tensor.length) }
    }
  }

  /// The extents of open axes: the first request's.
  private func findExtents() throws(BatchFault) {
    guard !symbols.isEmpty, let first = pieces.first?.request else { return }
    extents.removeAll(keepingCapacity: true)
    for symbol in symbols { extents.append(-(signature.example.extents[symbol] ?? 1)) }
    for (index, input) in inputs.enumerated() {
      let tensor = first.tensor(index)
      guard tensor.data != nil else { continue }
      for (axis, place) in input.symbols.enumerated() {
        guard let place, let own = tensor.extents?[axis] else { continue }
        if extents[place] >= 0, extents[place] != Int(own) {
          throw BatchFault("\(signature.inputs[index].name) has extent \(own) along \(symbols[place]), where another input has \(extents[place])")
        }
        extents[place] = Int(own)
      }
    }
    // What no input tells, a mask's width of its own for one, is what was found to work.
    for place in extents.indices { extents[place] = abs(extents[place]) }
  }

  private func fill(_ index: Int, _ batch: ModelBatch) throws(BatchFault) {
    let spec = signature.inputs[index], symbols = inputs[index].symbols
    let rank = spec.shape.count
    if batch.inputs[index].shape.count != rank { batch.inputs[index].shape = [Int](repeating: 0, count: rank) }
    for axis in 0..<rank {
      let extent: Int
      if axis == spec.batchAxis {
        extent = batch.rows
      } else if case .fixed(let fixed) = spec.shape[axis] {
        extent = fixed
      } else if axis == spec.padAxis {
        extent = batch.length
      } else {
        extent = extents[symbols[axis]!]
      }
      batch.inputs[index].shape[axis] = extent
    }
    if spec.batchAxis == nil { return try fillShared(index, spec, batch) }
    if spec.type == .bytes { return try fillStrings(index, spec, batch) }
    let layout = RowLayout(spec, batch.inputs[index].shape)
    let target = batch.inputs[index].reserve(layout.byteCount)
    var row = 0
    for piece in pieces {
      let tensor = piece.request.tensor(index)
      if tensor.data == nil {
        try makeUp(index, spec, layout, piece, row, target)
      } else {
        try check(tensor, index, spec, layout, piece)
        layout.copy(tensor, of: Int(piece.request.rows), piece.first, piece.rows, to: row, of: target)
      }
      row += piece.rows
    }
    guard row == batch.rows else { throw BatchFault("\(row) rows of \(spec.name) for a batch of \(batch.rows)") }
  }

  /// That a tensor has the bytes that its extents say, and extents that fit the batch.
  private func check(_ tensor: RequestTensor, _ index: Int, _ spec: TensorSpec, _ layout: RowLayout, _ piece: Piece) throws(BatchFault) {
    let rows = Int(piece.request.rows)
    guard piece.first >= 0, piece.rows > 0, piece.first + piece.rows <= rows else { throw BatchFault("rows \(piece.first) to \(piece.first + piece.rows) of \(rows)") }
    if let extents = tensor.extents {
      for (axis, place) in inputs[index].symbols.enumerated() {
        if let place, Int(extents[axis]) != self.extents[place] {
          throw BatchFault("\(spec.name) has extent \(extents[axis]) along axis \(axis) where its batch has \(self.extents[place])")
        }
      }
    }
    guard let bytes = layout.byteCount(tensor, rows: rows), bytes == tensor.byteCount else {
      throw BatchFault("\(spec.name): \(tensor.byteCount) bytes for \(rows) rows of up to \(tensor.length), beyond what the batch has room for or short of it")
    }
  }

  // MARK: What is not carried

  private func makeUp(_ index: Int, _ spec: TensorSpec, _ layout: RowLayout, _ piece: Piece, _ row: Int, _ target: UnsafeMutableRawPointer) throws(BatchFault) {
    switch spec.source {
    case .request: throw BatchFault("a request carries no \(spec.name)")
    case .constant(let value): layout.fill(row, piece.rows, own: .max, value, value, target)
    case .places: layout.fill(row, piece.rows, own: .max, -1, -1, target)
    case .mask:
      let own = spec.padValue == 0 ? 1.0 : 0.0
      guard let masked = inputs[index].masked, signature.inputs[masked].padAxis != nil, case let tensor = piece.request.tensor(masked), tensor.data != nil else {
        layout.fill(row, piece.rows, own: .max, own, spec.padValue, target)
        return
      }
      if let lengths = tensor.lengths {
        for place in 0..<piece.rows { layout.fill(row + place, 1, own: Int(lengths[piece.first + place]), own, spec.padValue, target) }
      } else {
        layout.fill(row, piece.rows, own: Int(tensor.length), own, spec.padValue, target)
      }
    }
  }

  // MARK: What all rows share

  private func fillShared(_ index: Int, _ spec: TensorSpec, _ batch: ModelBatch) throws(BatchFault) {
    let tensor = pieces.lazy.map { $0.request.tensor(index) }.first { $0.data != nil }
    guard let tensor, let data = tensor.data else {
      let value: Double
      switch spec.source {
      case .request: throw BatchFault("no request carries \(spec.name)")
      case .constant(let constant): value = constant
      case .mask: value = spec.padValue == 0 ? 1 : 0
      case .places: value = -1
      }
      let bytes = Sheaf.byteCount(spec.type, batch.inputs[index].shape)
      replicate(value, spec.type, batch.inputs[index].reserve(bytes), bytes)
      return
    }
    for piece in pieces {
      let other = piece.request.tensor(index)
      if other.data == data { continue }
      guard other.data != nil, other.byteCount == tensor.byteCount, memcmp(other.data!, data, tensor.byteCount) == 0 else {
        throw BatchFault("requests that share \(spec.name) have different values of it")
      }
    }
    let count = batch.inputs[index].shape.reduce(1, *)
    let isWhole = spec.type == .bytes ? BytesElements.isWhole(tensor.bytes, count: count) : tensor.byteCount == count * spec.type.size
    guard isWhole else { throw BatchFault("\(spec.name): \(tensor.byteCount) bytes for a shape of \(batch.inputs[index].shape)") }
    memcpy(batch.inputs[index].reserve(tensor.byteCount), data, tensor.byteCount)
  }

  // MARK: Strings

  /// Strings lie one after another, each with its length; rows of them along the first axis do, too.
  private func fillStrings(_ index: Int, _ spec: TensorSpec, _ batch: ModelBatch) throws(BatchFault) {
    guard spec.batchAxis == 0, spec.padAxis == nil else { throw BatchFault("rows of strings are stacked along the first axis, which \(spec.name) is not") }
    let perRow = batch.inputs[index].shape[1...].reduce(1, *)
    var parts: [UnsafeRawBufferPointer] = []
    for piece in pieces {
      let tensor = piece.request.tensor(index)
      guard tensor.data != nil else { throw BatchFault("a request carries no \(spec.name)") }
      guard BytesElements.isWhole(tensor.bytes, count: perRow * Int(piece.request.rows)), let start = BytesElements.length(of: perRow * piece.first, in: tensor.bytes),
        let length = BytesElements.length(of: perRow * piece.rows, in: UnsafeRawBufferPointer(rebasing: tensor.bytes[start...]))
      else { throw BatchFault("\(spec.name): \(tensor.byteCount) bytes are not \(perRow) strings a row") }
      parts.append(UnsafeRawBufferPointer(rebasing: tensor.bytes[start..<(start + length)]))
    }
    var target = batch.inputs[index].reserve(parts.reduce(0) { $0 + $1.count })
    for part in parts {
      if let data = part.baseAddress { memcpy(target, data, part.count) }
      target += part.count
    }
  }
}
