import Glibc
import Sheaf

/// One vector a row from a vector an element, and vectors of length 1. Sums are kept in 32 bits, as the models themselves do.
enum Pool {
  /// Pools `[rows, length, width]` into `[rows, width]`.
  /// - Parameter counts: elements of each row that are not padding, from 0; padding comes last.
  static func run(
    _ pooling: OnnxOptions.Pooling, _ vectors: UnsafePointer<Float>, length: Int, width: Int, counts: [Int],
    into result: UnsafeMutablePointer<Float>
  ) {
    for (row, count) in counts.enumerated() {
      let from = vectors + row * length * width
      let to = result + row * width
      switch pooling {
      case .cls: to.update(from: from, count: width)
      case .last: to.update(from: from + max(0, count - 1) * width, count: width)
      case .mean:
        to.update(repeating: 0, count: width)
        for element in 0..<count {
          let vector = from + element * width
          for index in 0..<width { to[index] += vector[index] }
        }
        let scale = 1 / Float(max(1, count))
        for index in 0..<width { to[index] *= scale }
      }
    }
  }

  /// Scales each row to a Euclidean length of 1; a row of zeros stays.
  static func normalize(_ vectors: UnsafeMutablePointer<Float>, rows: Int, width: Int) {
    for row in 0..<rows {
      let vector = vectors + row * width
      var sum: Float = 0
      for index in 0..<width { sum += vector[index] * vector[index] }
      let scale = 1 / max(sum.squareRoot(), 1e-12)
      for index in 0..<width { vector[index] *= scale }
    }
  }
}
