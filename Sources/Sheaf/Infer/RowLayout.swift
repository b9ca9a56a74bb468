import Glibc

/// Where the rows of one tensor of a batch lie: how they are copied there, and made up.
///
/// Axes fall into those before the batch and pad axis, between them, and behind both, so that what is contiguous is copied at once.
struct RowLayout {
  private let type: ElementType
  private let shape: [Int]
  private let batchAxis: Int
  private let padAxis: Int?
  private let padValue: Double
  /// Bytes from one index of an axis to the next.
  private let strides: [Int]
  let byteCount: Int

  /// - Parameter spec: of an input that has a batch axis and elements of one size.
  init(_ spec: TensorSpec, _ shape: [Int]) {
    type = spec.type
    self.shape = shape
    batchAxis = spec.batchAxis!
    padAxis = spec.padAxis
    padValue = spec.padValue
    var strides = [Int](repeating: spec.type.size, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    self.strides = strides
    byteCount = strides[0] * shape[0]
  }

  /// Bytes that so many rows of a request's tensor take, by its own extents; `nil`: it has longer rows than the batch.
  func byteCount(_ tensor: RequestTensor, rows: Int) -> Int? {
    let whole = byteCount / max(1, shape[batchAxis])
    guard let padAxis else { return rows * whole }
    guard Int(tensor.length) <= shape[padAxis] else { return nil }
    let step = shape[padAxis] == 0 ? 0 : whole / shape[padAxis]
    guard let lengths = tensor.lengths else { return rows * step * Int(tensor.length) }
    var total = 0
    for row in 0..<rows {
      guard lengths[row] >= 0, lengths[row] <= tensor.length else { return nil }
      total += Int(lengths[row])
    }
    return total * step
  }

  /// Copies rows `first ..< first + rows` of a request's tensor, which has `all`, to the batch's rows from `row` on, and pads them.
  /// - Precondition: `byteCount(_:rows:)` of all is the tensor's.
  func copy(_ tensor: RequestTensor, of all: Int, _ first: Int, _ rows: Int, to row: Int, of target: UnsafeMutableRawPointer) {
    let data = tensor.data!
    if batchAxis == 0, padAxis == nil {
      memcpy(target + row * strides[0], data + first * strides[0], rows * strides[0])
    } else if batchAxis == 0 {
      copyPadded(tensor, first, rows, to: row, target)
    } else {
      // The request's own strides: its rows and its length instead of the batch's.
      var own = shape, steps = strides
      own[batchAxis] = all
      if let padAxis { own[padAxis] = Int(tensor.length) }
      for axis in own.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * own[axis + 1] }
      copy(0, data + first * steps[batchAxis], steps, Int(tensor.length), rows, target + row * strides[batchAxis])
    }
  }

  /// Rows along the first axis, of unequal extent along a later one.
  private func copyPadded(_ tensor: RequestTensor, _ first: Int, _ rows: Int, to row: Int, _ target: UnsafeMutableRawPointer) {
    let pad = padAxis!, length = shape[pad], step = strides[pad]
    let outer = shape[1..<pad].reduce(1, *)
    var before = 0
    if let lengths = tensor.lengths { for place in 0..<first { before += Int(lengths[place]) } } else { before = first * Int(tensor.length) }
    var data = tensor.data! + before * outer * step, target = target + row * strides[0]
    for place in first..<(first + rows) {
      let own = Int(tensor.lengths?[place] ?? tensor.length)
      for _ in 0..<outer {
        memcpy(target, data, own * step)
        replicate(padValue, type, target + own * step, (length - own) * step)
        data += own * step
        target += length * step
      }
    }
  }

  /// One axis of rows that lie anywhere. - Parameter source: nil: padding.
  private func copy(_ axis: Int, _ source: UnsafeRawPointer?, _ steps: [Int], _ own: Int, _ rows: Int, _ target: UnsafeMutableRawPointer) {
    if axis > max(batchAxis, padAxis ?? 0) {
      if let source { memcpy(target, source, strides[axis - 1]) } else { replicate(padValue, type, target, strides[axis - 1]) }
      return
    }
    for index in 0..<(axis == batchAxis ? rows : shape[axis]) {
      let isPadding = axis == padAxis && index >= own
      copy(axis + 1, isPadding ? nil : source.map { $0 + index * steps[axis] }, steps, own, rows, target + index * strides[axis])
    }
  }

  /// Fills rows with one value where a row has elements of its own, and another behind them.
  /// - Parameter own: elements of each row along the pad axis; where there is none all are its own.
  func fill(_ row: Int, _ rows: Int, own: Int, _ value: Double, _ padding: Double, _ target: UnsafeMutableRawPointer) {
    fill(0, own, rows, value, padding, target + row * strides[batchAxis])
  }

  private func fill(_ axis: Int, _ own: Int, _ rows: Int, _ value: Double, _ padding: Double, _ target: UnsafeMutableRawPointer) {
    if axis == padAxis, axis > batchAxis {
      let count = min(own, shape[axis])
      replicate(value, type, target, count * strides[axis])
      replicate(padding, type, target + count * strides[axis], (shape[axis] - count) * strides[axis])
      return
    }
    if axis > max(batchAxis, padAxis ?? 0) { return replicate(value, type, target, strides[axis - 1]) }
    for index in 0..<(axis == batchAxis ? rows : shape[axis]) {
      fill(axis + 1, own, rows, axis == padAxis && index >= own ? padding : value, padding, target + index * strides[axis])
    }
  }
}

/// Fills `bytes` bytes with a value in an element type of one size.
func replicate(_ value: Double, _ type: ElementType, _ target: UnsafeMutableRawPointer, _ bytes: Int) {
  guard bytes > 0 else { return }
  if value == 0 {
    memset(target, 0, bytes)
    return
  }
  func fill<T: BitwiseCopyable>(_ element: T) {
    let elements = target.assumingMemoryBound(to: T.self)
    for index in 0..<(bytes / MemoryLayout<T>.size) { elements[index] = element }
  }
  // What the type cannot hold is held at its bound; NaN is 0.
  let whole = value.isNaN ? 0 : Int(max(-9e18, min(9e18, value)))
  switch type {
  case .bool, .uint8: fill(UInt8(clamping: whole))
  case .int8: fill(Int8(clamping: whole))
  case .uint16: fill(UInt16(clamping: whole))
  case .int16: fill(Int16(clamping: whole))
  case .uint32: fill(UInt32(clamping: whole))
  case .int32: fill(Int32(clamping: whole))
  case .uint64: fill(UInt64(max(0, whole)))
  case .int64: fill(Int64(whole))
  case .float16: fill(halfBits(Float(value)))
  case .float32: fill(Float(value))
  case .float64: fill(value)
  case .bytes: preconditionFailure("strings are not filled with a number")
  }
}

/// A value's IEEE half-precision bits; Swift's Float16 does not exist on every machine Linux runs on.
private func halfBits(_ value: Float) -> UInt16 {
  #if arch(arm64) || arch(x86_64)
  return Float16(value).bitPattern
  #else
  return 0
  #endif
}
