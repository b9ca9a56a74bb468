import Glibc
import Sheaf
import SheafONNX

/// Classes that a model scores, and how scores become what is told.
struct Classes: Sendable, Hashable {
  /// By number.
  var labels: [String]
  /// softmax: classes exclude each other, scores become shares of 1; sigmoid: each by itself, from 0 to 1; none: as they come.
  var activation: OnnxOptions.Activation

  /// Scores of all classes, in place.
  func activate(_ scores: UnsafeMutableBufferPointer<Float>) {
    switch activation {
    case .none: break
    case .sigmoid: for index in scores.indices { scores[index] = 1 / (1 + expf(-scores[index])) }
    case .softmax:
      let largest = scores.reduce(-Float.infinity) { max($0, $1) }
      var total: Float = 0
      for index in scores.indices {
        scores[index] = expf(scores[index] - largest)
        total += scores[index]
      }
      for index in scores.indices { scores[index] /= total }
    }
  }

  /// The classes with the highest scores, the highest first; of equal ones the one with the lower number.
  static func best(_ count: Int, of scores: UnsafeMutableBufferPointer<Float>) -> [Int] {
    if count == 1 {
      var best = 0
      for index in scores.indices where scores[index] > scores[best] { best = index }
      return [best]
    }
    return Array(scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(count))
  }
}
