import Glibc

/// Splits a batch's outputs by row: each request gets its rows of every output, trimmed to its own length where an output has a
/// pad axis. Belongs to one lane.
final class OutputSplitter {
  private let signature: Signature
  private let slices: UnsafeMutableBufferPointer<OutputSlice>
  /// Shapes without the batch axis, as the batch has them, and trimmed to a request.
  private let tails: UnsafeMutableBufferPointer<Int>
  private let tailStart: [Int]
  private var scratch: [ModelBatch.Tensor]
  private var batch: ModelBatch?

  init(_ signature: Signature) {
    self.signature = signature
    slices = .allocate(capacity: signature.outputs.count)
    var starts: [Int] = [], total = 0
    for spec in signature.outputs {
      starts.append(total)
      total += spec.shape.count
    }
    tailStart = starts
    tails = .allocate(capacity: max(1, total))
    tails.initialize(repeating: 0)
    scratch = signature.outputs.map { _ in ModelBatch.Tensor() }
  }

  deinit {
    slices.deallocate()
    tails.deallocate()
    for tensor in scratch { free(tensor.buffer) }
  }

  /// Takes up a batch that has run. - Throws: where an output is missing or does not have the batch's rows.
  func begin(_ batch: ModelBatch) throws {
    for (index, spec) in signature.outputs.enumerated() {
      let shape = batch.outputs[index].shape
      guard batch.outputs[index].data != nil else { throw WorkerError("the model gave no output \"\(spec.name)\"") }
      guard shape.count == spec.shape.count, spec.batchAxis.map({ shape[$0] == batch.rows }) ?? true else {
        throw WorkerError("output \"\(spec.name)\" has shape \(shape) for a batch of \(batch.rows) rows")
      }
    }
    self.batch = batch
  }

  /// The outputs of rows `first ..< first + rows`; valid until the next call. `length`: the longest of these rows.
  func split(first: Int, rows: Int, length: Int) -> UnsafeBufferPointer<OutputSlice> {
    let batch = batch!
    for index in signature.outputs.indices {
      let spec = signature.outputs[index]
      let tensor = batch.outputs[index]
      let tail = UnsafeMutableBufferPointer(rebasing: tails[tailStart[index]...])
      var count = 0, rowElements = 1
      for axis in tensor.shape.indices where axis != spec.batchAxis {
        // An output that is as long as the batch was padded to is as long as the request's own rows.
        tail[count] = axis == spec.padAxis && tensor.shape[axis] == batch.length ? length : tensor.shape[axis]
        rowElements *= tail[count]
        count += 1
      }
      let bytes = rows * rowElements * spec.type.size
      let data: UnsafeRawPointer
      if spec.batchAxis == 0, spec.padAxis.map({ tensor.shape[$0] == tail[$0 - 1] }) ?? true {
        data = tensor.data! + first * rowElements * spec.type.size
      } else if spec.batchAxis == nil {
        data = tensor.data!
      } else {
        data = gather(index, spec, tensor, first, rows, UnsafeBufferPointer(rebasing: tail[..<count]), bytes)
      }
      slices[index] = OutputSlice(output: index, data: data, byteCount: bytes, tail: UnsafeBufferPointer(rebasing: tail[..<count]), rows: rows)
    }
    return UnsafeBufferPointer(slices)
  }

  /// Copies rows that do not lie together, or are longer than their request, into scratch memory.
  private func gather(
    _ index: Int, _ spec: TensorSpec, _ tensor: ModelBatch.Tensor, _ first: Int, _ rows: Int, _ tail: UnsafeBufferPointer<Int>, _ bytes: Int
  ) -> UnsafeRawPointer {
    let target = scratch[index].reserve(bytes)
    let shape = tensor.shape, axis = spec.batchAxis!
    var strides = [Int](repeating: spec.type.size, count: shape.count)
    for i in shape.indices.dropLast().reversed() { strides[i] = strides[i + 1] * shape[i + 1] }
    let otherAxes = shape.indices.filter { $0 != axis }
    // Axes whose extents are whole and lie innermost are copied as one run.
    var run = spec.type.size, depth = otherAxes.count
    while depth > 0, otherAxes[depth - 1] > axis {
      run *= tail[depth - 1]
      depth -= 1
      if tail[depth] != shape[otherAxes[depth]] { break }
    }
    var written = target
    func copy(_ level: Int, _ source: UnsafeRawPointer) {
      if level == depth {
        memcpy(written, source, run)
        written += run
        return
      }
      for i in 0..<tail[level] { copy(level + 1, source + i * strides[otherAxes[level]]) }
    }
    for row in 0..<rows { copy(0, tensor.data! + (first + row) * strides[axis]) }
    return UnsafeRawPointer(target)
  }
}
