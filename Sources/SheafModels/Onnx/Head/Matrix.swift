import SheafONNX

/// Vectors of 32-bit floats, one a row.
struct Matrix {
  var rows: Int
  var width: Int
  /// Row by row.
  var values: [Float]

  init(rows: Int, width: Int) {
    self.rows = rows
    self.width = width
    values = [Float](repeating: 0, count: rows * width)
  }

  init(rows: Int, width: Int, values: [Float]) {
    self.rows = rows
    self.width = width
    self.values = values
  }
}

extension TensorView {
  /// Calls `body` with the numbers of a floating-point tensor in 32 bits.
  func withFloats<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) throws -> R {
    switch type {
    case .float32: return try body(bytes.assumingMemoryBound(to: Float.self))
    case .float16: return try bytes.assumingMemoryBound(to: Float16.self).map { Float($0) }.withUnsafeBufferPointer(body)
    case .float64: return try bytes.assumingMemoryBound(to: Double.self).map { Float($0) }.withUnsafeBufferPointer(body)
    default: throw ONNXError("reading vectors", "they are \(type), not floats")
    }
  }
}
