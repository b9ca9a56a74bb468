/// Rows made up for warm-up and checks: deterministic, and filled into a batch the plain way, one element at a time.
struct SampleRow {
  /// Its extent along the pad axis.
  var length: Int
  /// Row-major elements of each request input without its batch axis; empty for inputs that are not the request's.
  var inputs: [[Double]]

  /// - Parameter ids: integers are drawn from 0 up to, and without, this (fewer where the type holds fewer); within any
  ///   vocabulary worth the name.
  static func random(_ signature: Signature, length: Int, ids: Int = 1000, _ generator: inout SplitMix) -> SampleRow {
    SampleRow(
      length: length,
      inputs: signature.inputs.map { spec in
        guard spec.source == .request else { return [] }
        return (0..<spec.rowShape(length: length).reduce(1, *)).map { _ in
          switch spec.type {
          case .bool: Double(generator.next() % 2)
          case .uint8, .int8: Double(generator.next() % UInt64(min(ids, 128)))
          case .float16, .float32, .float64: Double(generator.next() >> 40) / Double(1 << 23) - 1
          default: Double(generator.next() % UInt64(max(1, ids)))
          }
        }
      })
  }
}

extension TensorSpec {
  /// Extents without the batch axis for a row of `length`; other axes of any extent are 1.
  func rowShape(length: Int) -> [Int] {
    shape.indices.filter { $0 != batchAxis }.map { axis in
      if case .fixed(let extent) = shape[axis] { return extent }
      return axis == padAxis ? length : 1
    }
  }

  /// The same with the batch axis.
  func batchShape(rows: Int, length: Int) -> [Int] {
    shape.indices.map { axis in
      if axis == batchAxis { return rows }
      if case .fixed(let extent) = shape[axis] { return extent }
      return axis == padAxis ? length : 1
    }
  }
}

extension ModelBatch {
  /// Fills the inputs with `rows`, padded to `length` (their longest where left out); masks and constants as the signature says.
  func fill(_ rows: [SampleRow], paddedTo length: Int? = nil) {
    let longest = max(length ?? 1, rows.map(\.length).max() ?? 1)
    begin(rows: rows.count, length: longest)
    for (index, spec) in signature.inputs.enumerated() {
      let shape = spec.batchShape(rows: rows.count, length: longest)
      inputs[index].shape = shape
      let memory = inputs[index].reserve(byteCount(spec.type, shape))
      forEachPosition(in: shape) { element, position in
        let row = spec.batchAxis.map { position[$0] } ?? 0
        let along = spec.padAxis.map { position[$0] } ?? 0
        let value: Double
        switch spec.source {
        case .constant(let constant): value = constant
        case .mask: value = along < rows[row].length ? 1 : 0
        case .request:
          guard spec.padAxis == nil || along < rows[row].length else {
            value = spec.padValue
            break
          }
          let extents = spec.rowShape(length: rows[row].length)
          let own = position.indices.filter { $0 != spec.batchAxis }
          let at = zip(own, extents).reduce(0) { $0 * $1.1 + position[$1.0] }
          value = rows[row].inputs[index][at]
        }
        spec.type.store(value, memory, element)
      }
    }
  }

  /// The elements of one row of an output, without its batch axis and without what lies beyond `length` along its pad axis.
  func outputRow(_ index: Int, row: Int, length: Int) -> [Double] {
    let spec = signature.outputs[index]
    guard let data = outputs[index].data else { return [] }
    var values: [Double] = []
    forEachPosition(in: outputs[index].shape) { element, position in
      if let axis = spec.batchAxis, position[axis] != row { return }
      if let axis = spec.padAxis, position[axis] >= length { return }
      values.append(spec.type.load(data, element))
    }
    return values
  }
}

/// Calls `body` with every element's number and its position, in row-major order.
private func forEachPosition(in shape: [Int], _ body: (Int, [Int]) -> Void) {
  var position = [Int](repeating: 0, count: shape.count)
  for element in 0..<shape.reduce(1, *) {
    body(element, position)
    for axis in shape.indices.reversed() {
      position[axis] += 1
      if position[axis] < shape[axis] { break }
      position[axis] = 0
    }
  }
}

extension ElementType {
  func store(_ value: Double, _ memory: UnsafeMutableRawPointer, _ element: Int) {
    func put<T>(_ value: T) { memory.storeBytes(of: value, toByteOffset: element * size, as: T.self) }
    switch self {
    case .bool: put(UInt8(value == 0 ? 0 : 1))
    case .uint8: put(UInt8(value))
    case .uint16: put(UInt16(value))
    case .uint32: put(UInt32(value))
    case .uint64: put(UInt64(value))
    case .int8: put(Int8(value))
    case .int16: put(Int16(value))
    case .int32: put(Int32(value))
    case .int64: put(Int64(value))
    case .float16: put(Float16(value))
    case .float32: put(Float(value))
    case .float64: put(value)
    }
  }

  func load(_ memory: UnsafeRawPointer, _ element: Int) -> Double {
    func get<T: BitwiseCopyable>(_ type: T.Type) -> T { memory.loadUnaligned(fromByteOffset: element * size, as: type) }
    switch self {
    case .bool, .uint8: return Double(get(UInt8.self))
    case .uint16: return Double(get(UInt16.self))
    case .uint32: return Double(get(UInt32.self))
    case .uint64: return Double(get(UInt64.self))
    case .int8: return Double(get(Int8.self))
    case .int16: return Double(get(Int16.self))
    case .int32: return Double(get(Int32.self))
    case .int64: return Double(get(Int64.self))
    case .float16: return Double(get(Float16.self))
    case .float32: return Double(get(Float.self))
    case .float64: return get(Double.self)
    }
  }
}

/// A small generator with a seed, so that a check can be repeated (SplitMix64 of Steele, Lea and Flood).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
