import Glibc

/// Copies requests' rows into a batch's input tensors, once, and fills what requests do not carry: padding, masks, constants.
struct BatchFiller {
  private let signature: Signature
  /// For each input: its place among the inputs that requests carry, or nil.
  private let carried: [Int?]
  /// nil: batches are run as they are.
  private let rounding: ShapeRounding?

  init(_ signature: Signature, rounding: ShapeRounding? = nil) {
    self.signature = signature
    self.rounding = rounding
    var next = 0
    carried = signature.inputs.map { spec in
      guard spec.source == .request else { return nil }
      defer { next += 1 }
      return next
    }
  }

  private func shape(_ requests: ArraySlice<Request>) -> WarmUp.Shape {
    var shape = WarmUp.Shape(rows: 0, length: 1)
    for request in requests {
      shape.rows += Int(request.rows)
      shape.length = max(shape.length, Int(request.length))
    }
    return shape
  }

  /// Whether a batch of these would be of a shape that was never run, where those are slow.
  func isNew(_ requests: ArraySlice<Request>) -> Bool { rounding.map { !$0.holds(shape(requests)) } ?? false }

  func fill(_ batch: ModelBatch, _ requests: ArraySlice<Request>) {
    let own = shape(requests), rows = own.rows
    let shape = rounding?.round(own) ?? own
    // Rows of padding are some request's row once more, whose answer nobody reads: no value that the model was not made for.
    let spare = shape.rows > rows ? requests.first { $0.rows == 1 } : nil
    batch.begin(rows: spare == nil ? rows : shape.rows, length: shape.length, requested: rows)
    let filled = spare.map { requests + Array(repeating: $0, count: shape.rows - rows) } ?? requests
    for index in signature.inputs.indices { fill(index, batch, filled) }
  }

  private func fill(_ index: Int, _ batch: ModelBatch, _ requests: ArraySlice<Request>) {
    let spec = signature.inputs[index]
    if batch.inputs[index].shape.count != spec.shape.count { batch.inputs[index].shape = [Int](repeating: 0, count: spec.shape.count) }
    for axis in spec.shape.indices {
      let extent: Int
      if axis == spec.batchAxis { extent = batch.rows } else if axis == spec.padAxis { extent = batch.length }
      else if case .fixed(let fixed) = spec.shape[axis] { extent = fixed } else { extent = 1 }
      batch.inputs[index].shape[axis] = extent
    }
    let bytes = byteCount(spec.type, batch.inputs[index].shape)
    let target = batch.inputs[index].reserve(bytes)
    switch spec.source {
    case .constant(let value): replicate(value, spec.type, target, bytes)
    case .mask: fillMask(spec, batch.length, requests, target)
    case .request:
      let place = carried[index]!
      if spec.batchAxis == nil || spec.padAxis != nil && spec.batchAxis != 0 {
        // Such rows cannot be stacked: `Signature.mostRows` is 1, and the only row lies as it is.
        let tensor = requests.first!.tensor(place)
        memcpy(target, tensor.data, min(tensor.byteCount, bytes))
      } else if spec.padAxis == nil, spec.batchAxis == 0 {
        stack(place, requests, target)
      } else if let pad = spec.padAxis {
        stackPadded(place, spec, pad, batch, batch.inputs[index].shape, requests, target)
      } else {
        stackInner(place, spec, batch.inputs[index].shape, requests, target)
      }
    }
  }

  /// Rows of one extent along axis 0: they lie in the request as they lie in the batch.
  private func stack(_ place: Int, _ requests: ArraySlice<Request>, _ target: UnsafeMutableRawPointer) {
    var target = target
    for request in requests {
      let tensor = request.tensor(place)
      memcpy(target, tensor.data, tensor.byteCount)
      target += tensor.byteCount
    }
  }

  /// Rows along axis 0 of unequal extent along a later axis.
  private func stackPadded(
    _ place: Int, _ spec: TensorSpec, _ pad: Int, _ batch: ModelBatch, _ shape: [Int], _ requests: ArraySlice<Request>, _ target: UnsafeMutableRawPointer
  ) {
    let outer = shape[1..<pad].reduce(1, *)
    let step = shape[(pad + 1)...].reduce(spec.type.size, *)
    var target = target
    for request in requests {
      let tensor = request.tensor(place)
      var data = tensor.data
      for row in 0..<Int(request.rows) {
        let own = Int(tensor.lengths?[row] ?? tensor.length)
        for _ in 0..<outer {
          memcpy(target, data, own * step)
          replicate(spec.padValue, spec.type, target + own * step, (batch.length - own) * step)
          data += own * step
          target += batch.length * step
        }
      }
    }
  }

  /// Rows along an inner axis (a recurrent state of [layers, batch, width]): every request's tensor is laid in by strides.
  private func stackInner(_ place: Int, _ spec: TensorSpec, _ shape: [Int], _ requests: ArraySlice<Request>, _ target: UnsafeMutableRawPointer) {
    let axis = spec.batchAxis!
    let outer = shape[..<axis].reduce(1, *)
    let rowBytes = shape[(axis + 1)...].reduce(spec.type.size, *)
    var row = 0
    for request in requests {
      let tensor = request.tensor(place)
      let rows = Int(request.rows)
      for block in 0..<outer {
        memcpy(target + (block * shape[axis] + row) * rowBytes, tensor.data + block * rows * rowBytes, rows * rowBytes)
      }
      row += rows
    }
  }

  /// 1 where the masked input has an element of the row's own.
  private func fillMask(_ spec: TensorSpec, _ length: Int, _ requests: ArraySlice<Request>, _ target: UnsafeMutableRawPointer) {
    guard case .mask(let name) = spec.source, let masked = signature.inputs.firstIndex(where: { $0.name == name }), let place = carried[masked] else { return }
    let size = spec.type.size
    var target = target
    for request in requests {
      let tensor = request.tensor(place)
      for row in 0..<Int(request.rows) {
        let own = Int(tensor.lengths?[row] ?? tensor.length)
        replicate(1, spec.type, target, own * size)
        memset(target + own * size, 0, (length - own) * size)
        target += length * size
      }
    }
  }
}

/// Fills `bytes` bytes with a value in an element type.
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
