import Sheaf
import SheafONNX

/// The names of the classes that score highest, and their scores, of an output [batch, classes]; and outputs as they come.
struct ClassHead: Head {
  let outputs: [TensorSpec]
  private let source: Int
  private let classes: Classes
  private let top: Int
  /// Which of the session's outputs are answered as they come.
  private let own: [Int]

  static let names = ["label", "score"]

  /// - Parameters:
  ///   - contract: the session's outputs.
  ///   - top: how many classes are told, 1 and more. With 1 the outputs have an axis less.
  ///   - own: of the contract, what is answered as it comes.
  init(_ contract: [TensorSpec], source: Int, _ classes: Classes, top: Int, own: [Int]) {
    let top = min(top, classes.labels.count)
    let shape = [contract[source].shape[0]] + (top == 1 ? [] : [.fixed(top)])
    var derived = [TensorSpec(ClassHead.names[0], .bytes, shape), TensorSpec(ClassHead.names[1], .float32, shape)]
    for index in derived.indices { derived[index].isDerived = true }
    outputs = own.map { contract[$0] } + derived
    self.source = source
    self.classes = classes
    self.top = top
    self.own = own
  }

  func run(_ outputs: [TensorView], _ batch: ModelBatch) throws {
    for (place, index) in own.enumerated() { try batch.setOutput(place, outputs[index]) }
    let scores = outputs[source], count = classes.labels.count
    guard scores.shape == [batch.rows, count] else { throw ONNXError("scores of classes", "came with shape \(scores.shape) for \(batch.rows) rows of \(count) classes") }
    var labels: [[UInt8]] = []
    let shape = top == 1 ? [batch.rows] : [batch.rows, top]
    let told = batch.output(own.count + 1, as: Float.self, shape: shape)
    try scores.withFloats { values in
      var row = [Float](repeating: 0, count: count)
      for index in 0..<batch.rows {
        row.withUnsafeMutableBufferPointer { row in
          _ = row.update(fromContentsOf: values[(index * count)..<((index + 1) * count)])
          classes.activate(row)
          for (place, best) in Classes.best(top, of: row).enumerated() {
            labels.append(Array(classes.labels[best].utf8))
            told[index * top + place] = row[best]
          }
        }
      }
    }
    BytesElements.encode(labels).withUnsafeBytes { batch.setOutput(own.count, bytes: $0, shape: shape) }
  }
}
