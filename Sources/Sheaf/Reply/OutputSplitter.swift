import Glibc

/// Splits a batch's outputs by row: each request gets its rows of every output, trimmed to its own length where an output has a
/// pad axis, and an output that all rows share as it is. Belongs to one lane.
final class OutputSplitter {
  private let signature: Signature
  private var scratch: [ModelBatch.Tensor]
  private var batch: ModelBatch?
  /// What `begin` found out about each output, in plain memory: a split costs some nanoseconds an output.
  private let cuts: UnsafeMutableBufferPointer<Cut>
  private let slices: UnsafeMutableBufferPointer<OutputSlice>
  /// The outputs' shapes as the batch has them, one after another, and as the present request has them.
  private var whole: UnsafeMutableBufferPointer<Int>
  private var own: UnsafeMutableBufferPointer<Int>

  private struct Cut {
    var data: UnsafeRawPointer
    var byteCount: Int
    /// Where its extents begin, and how many there are.
    var place: Int
    var rank: Int
    /// -1: none.
    var batchAxis: Int
    /// The axis that is as long as the batch was padded to; -1: none.
    var padAxis: Int
    /// Bytes of one row where rows lie one after another; -1: they do not, or have lengths of their own.
    var rowBytes: Int
    var isStrings: Bool
    var isRagged: Bool
  }

  init(_ signature: Signature) {
    self.signature = signature
    scratch = signature.outputs.map { _ in ModelBatch.Tensor() }
    cuts = .allocate(capacity: signature.outputs.count)
    slices = .allocate(capacity: signature.outputs.count)
    whole = .allocate(capacity: 16)
    own = .allocate(capacity: 16)
  }

  deinit {
    cuts.deallocate()
    slices.deallocate()
    whole.deallocate()
    own.deallocate()
    for tensor in scratch { free(tensor.buffer) }
  }

  /// Takes up a batch that has run.
  /// - Parameter isOneRequest: the batch holds one request, whole and nothing else: an output without its rows is that request's all
  ///   the same, as it came.
  /// - Throws: where an output is missing, has not the batch's rows, or not as many bytes as its shape says.
  func begin(_ batch: ModelBatch, isOneRequest: Bool = false) throws(BatchFault) {
    self.batch = nil
    reserve(batch.outputs.reduce(0) { $0 + $1.shape.count })
    var place = 0
    for (index, spec) in signature.outputs.enumerated() {
      let tensor = batch.outputs[index]
      guard let data = tensor.data else { throw BatchFault("the model gave no output \"\(spec.name)\"") }
      let hasRows = spec.batchAxis.map { tensor.shape.indices.contains($0) && tensor.shape[$0] == batch.rows } ?? true
      try check(tensor, spec, rows: batch.rows, mayLackRows: isOneRequest && !hasRows)
      for (axis, extent) in tensor.shape.enumerated() { whole[place + axis] = extent }
      let padAxis = spec.padAxis.flatMap { tensor.shape.indices.contains($0) && $0 != spec.batchAxis && tensor.shape[$0] == batch.length ? $0 : nil }
      cuts[index] = Cut(
        data: data, byteCount: tensor.byteCount, place: place, rank: tensor.shape.count, batchAxis: hasRows ? spec.batchAxis ?? -1 : -1, padAxis: hasRows ? padAxis ?? -1 : -1,
        rowBytes: hasRows && spec.batchAxis == 0 && spec.type != .bytes ? tensor.shape[1...].reduce(spec.type.size, *) : -1, isStrings: spec.type == .bytes, isRagged: spec.isRagged)
      place += tensor.shape.count
    }
    self.batch = batch
  }

  private func check(_ tensor: ModelBatch.Tensor, _ spec: TensorSpec, rows: Int, mayLackRows: Bool) throws(BatchFault) {
    if spec.isRagged, tensor.rowStarts.count != rows + 1 || tensor.shape.first != tensor.rowStarts.last || !zip(tensor.rowStarts, tensor.rowStarts.dropFirst()).allSatisfy({ $0 <= $1 }) {
      throw BatchFault("output \"\(spec.name)\" has entries of \(tensor.rowStarts.count - 1) rows for a batch of \(rows)")
    }
    if !mayLackRows, let axis = spec.batchAxis, !tensor.shape.indices.contains(axis) || tensor.shape[axis] != rows {
      throw BatchFault("output \"\(spec.name)\" has shape \(tensor.shape) for a batch of \(rows) rows")
    }
    if spec.batchAxis ?? 0 != 0, spec.type == .bytes { throw BatchFault("output \"\(spec.name)\" stacks strings along another axis than the first") }
    var count = 1
    for extent in tensor.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { throw BatchFault("output \"\(spec.name)\" has shape \(tensor.shape)") }
      count = product
    }
    let isWhole = spec.type == .bytes ? BytesElements.isWhole(tensor.bytes, count: count) : tensor.byteCount == count * spec.type.size
    guard isWhole else { throw BatchFault("output \"\(spec.name)\" has \(tensor.byteCount) bytes for shape \(tensor.shape)") }
  }

  private func reserve(_ extents: Int) {
    guard extents > whole.count else { return }
    whole.deallocate()
    own.deallocate()
    whole = .allocate(capacity: extents)
    own = .allocate(capacity: extents)
  }

  /// The outputs of rows `first ..< first + rows`; valid until the next call. - Parameter length: the longest of these rows.
  /// - Precondition: these are rows of the batch, which `begin` took up.
  func split(first: Int, rows: Int, length: Int) -> UnsafeBufferPointer<OutputSlice> {
    guard let batch, first >= 0, rows >= 0, first + rows <= batch.rows else { preconditionFailure("rows \(first) to \(first + rows) are not rows of the batch") }
    for index in cuts.indices { slices[index] = slice(index, cuts[index], first, rows, length) }
    return UnsafeBufferPointer(slices)
  }

  private func slice(_ index: Int, _ cut: Cut, _ first: Int, _ rows: Int, _ length: Int) -> OutputSlice {
    for axis in 0..<cut.rank { own[cut.place + axis] = whole[cut.place + axis] }
    var slice = OutputSlice(
      output: index, data: cut.data, byteCount: cut.byteCount, shape: UnsafeBufferPointer(start: own.baseAddress! + cut.place, count: cut.rank))
    if cut.isRagged {
      let starts = batch!.outputs[index].rowStarts, memory = rowsOf(cut, starts[first], starts[first + rows] - starts[first])
      own[cut.place] = starts[first + rows] - starts[first]
      slice.data = memory.baseAddress ?? cut.data
      slice.byteCount = memory.count
      return slice
    }
    guard cut.batchAxis >= 0 else { return slice }
    own[cut.place + cut.batchAxis] = rows
    // What is as long as the batch was padded to is as long as the request's own rows.
    let isTrimmed = cut.padAxis >= 0 && length < whole[cut.place + cut.padAxis]
    if isTrimmed { own[cut.place + cut.padAxis] = length }
    if cut.rowBytes >= 0, !isTrimmed {
      slice.data += first * cut.rowBytes
      slice.byteCount = rows * cut.rowBytes
    } else if cut.isStrings {
      let strings = rowsOf(cut, first, rows)
      slice.data = strings.baseAddress ?? cut.data
      slice.byteCount = strings.count
    } else {
      slice.byteCount = slice.shape.reduce(signature.outputs[index].type.size, *)
      if slice.byteCount > 0 { slice.data = gather(index, cut, first, slice.byteCount) }
    }
    return slice
  }

  /// So many indices of the first axis.
  private func rowsOf(_ cut: Cut, _ first: Int, _ rows: Int) -> UnsafeRawBufferPointer {
    let memory = UnsafeRawBufferPointer(start: cut.data, count: cut.byteCount)
    let perRow = (1..<cut.rank).reduce(1) { $0 * whole[cut.place + $1] }
    guard cut.isStrings else {
      let all = whole[cut.place], size = all == 0 ? 0 : cut.byteCount / all
      return UnsafeRawBufferPointer(rebasing: memory[(first * size)..<((first + rows) * size)])
    }
    let start = BytesElements.length(of: first * perRow, in: memory)!
    let rest = UnsafeRawBufferPointer(rebasing: memory[start...])
    return UnsafeRawBufferPointer(rebasing: rest[..<BytesElements.length(of: rows * perRow, in: rest)!])
  }

  /// Copies rows that do not lie together, or are longer than their request, into scratch memory, in the model's order of axes.
  private func gather(_ index: Int, _ cut: Cut, _ first: Int, _ bytes: Int) -> UnsafeRawPointer {
    let target = scratch[index].reserve(bytes)
    let from = UnsafeBufferPointer(rebasing: whole[cut.place..<(cut.place + cut.rank)]), to = UnsafeBufferPointer(rebasing: own[cut.place..<(cut.place + cut.rank)])
    var strides = [Int](repeating: signature.outputs[index].type.size, count: cut.rank)
    for axis in from.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * from[axis + 1] }
    // The innermost axis that is not taken whole, and all within it, is one run.
    let inner = to.indices.last { to[$0] != from[$0] } ?? 0
    let run = strides[inner] * to[inner]
    var written = target
    func copy(_ level: Int, _ source: UnsafeRawPointer) {
      if level == inner {
        memcpy(written, source, run)
        written += run
        return
      }
      for place in 0..<to[level] { copy(level + 1, source + place * strides[level]) }
    }
    copy(0, cut.data + first * strides[cut.batchAxis])
    return UnsafeRawPointer(target)
  }
}
