/// One vector a row from a vector an element, as sentence-transformers computes them (its Pooling module). Sums are kept in 32 bits,
/// as the models themselves do.
public struct Pool: Sendable, Hashable {
  /// One of the ways.
  public enum Mode: String, Sendable, CaseIterable {
    /// The vector of the first element.
    case cls
    /// The largest of each number.
    case max
    case mean
    /// The sum, divided by the square root of the count.
    case meanSqrtLength = "mean_sqrt_len_tokens"
    /// The mean, weighted by the place, from 1.
    case weightedMean = "weightedmean"
    /// The vector of the last element.
    case last = "lasttoken"
  }
  var modes: [Mode]
  /// Elements from the first on that do not count: those of a prompt. 0 and more.
  var skipped = 0

  /// Pools `[rows, length, width]` into `[rows, modes × width]`. Only elements that are a row's own count.
  func run(_ vectors: UnsafeBufferPointer<Float>, rows: Int, width: Int, _ isOwn: OwnElements) -> Matrix {
    var result = Matrix(rows: rows, width: modes.count * width)
    for row in 0..<rows {
      let own = (0..<isOwn.length).filter { isOwn(row, $0) }
      let counted = own.dropFirst(min(skipped, own.count))
      result.values.withUnsafeMutableBufferPointer { values in
        for (place, mode) in modes.enumerated() {
          pool(mode, vectors.baseAddress! + row * isOwn.length * width, width, counted, first: own.first ?? 0, values.baseAddress! + (row * modes.count + place) * width)
        }
      }
    }
    return result
  }

  /// - Parameter first: the first element of the row, prompt included: places are counted from it.
  private func pool(_ mode: Mode, _ from: UnsafePointer<Float>, _ width: Int, _ elements: ArraySlice<Int>, first: Int, _ to: UnsafeMutablePointer<Float>) {
    switch mode {
    case .cls: to.update(from: from + (elements.first ?? 0) * width, count: width)
    case .last: if let last = elements.last { to.update(from: from + last * width, count: width) }
    case .max:
      to.update(repeating: -.infinity, count: width)
      for element in elements {
        for index in 0..<width { to[index] = Swift.max(to[index], from[element * width + index]) }
      }
    case .mean, .meanSqrtLength, .weightedMean:
      var total: Float = 0
      for element in elements {
        let weight = mode == .weightedMean ? Float(element - first + 1) : 1
        total += weight
        let vector = from + element * width
        for index in 0..<width { to[index] += weight * vector[index] }
      }
      let scale = 1 / (mode == .meanSqrtLength ? Swift.max(total, 1e-9).squareRoot() : Swift.max(total, 1e-9))
      for index in 0..<width { to[index] *= scale }
    }
  }
}
