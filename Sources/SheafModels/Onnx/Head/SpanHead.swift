import Sheaf
import SheafONNX

/// What stands where in a text, of an output [batch, length, classes] that scores every token; and outputs as they come.
///
/// Tokens that follow one another with one class are one span, and a class that begins with B- begins a new one; O is no span. A span's
/// score is the mean of its tokens'. (The aggregation that transformers' pipelines call simple.)
struct SpanHead: Head {
  let outputs: [TensorSpec]
  private let source: Int
  private let classes: Classes
  /// The input that says where tokens stand.
  private let places: Int
  private let own: [Int]
  /// By class: what it is without B- or I-, and whether it begins a span.
  private let tags: [(name: String, begins: Bool)]

  static let names = ["spans", "label", "score", "start", "end"]

  /// - Parameters:
  ///   - contract: the session's outputs.
  ///   - places: an input of the signature.
  ///   - own: of the contract, what is answered as it comes.
  init(_ contract: [TensorSpec], source: Int, _ classes: Classes, places: Int, own: [Int]) {
    var derived = [TensorSpec(SpanHead.names[0], .int32, [contract[source].shape[0]])]
    for (name, type) in zip(SpanHead.names.dropFirst(), [ElementType.bytes, .float32, .int32, .int32]) {
      var spec = TensorSpec(name, type, [.symbolic("spans")], batchAxis: nil)
      spec.isRagged = true
      derived.append(spec)
    }
    for index in derived.indices { derived[index].isDerived = true }
    outputs = own.map { contract[$0] } + derived
    self.source = source
    self.classes = classes
    self.places = places
    self.own = own
    tags = classes.labels.map { label in
      if label.hasPrefix("B-") { return (String(label.dropFirst(2)), true) }
      return (label.hasPrefix("I-") ? String(label.dropFirst(2)) : label, false)
    }
  }

  private struct Span {
    var tag: Int
    var start: Int32
    var end: Int32
    var score: Float
    var tokens: Float = 1
  }

  func run(_ outputs: [TensorView], _ batch: ModelBatch) throws {
    for (place, index) in own.enumerated() { try batch.setOutput(place, outputs[index]) }
    let scores = outputs[source], count = classes.labels.count
    guard scores.shape.count == 3, scores.shape[0] == batch.rows, scores.shape[2] == count, batch.inputShape(places) == [batch.rows, scores.shape[1], 2] else {
      throw ONNXError("scores of tokens", "came with shape \(scores.shape) for \(batch.rows) rows of \(count) classes and tokens at \(batch.inputShape(places))")
    }
    let length = scores.shape[1], isOwn = OwnElements(batch, length: length), positions = batch.input(places, as: Int32.self)
    var spans: [Span] = [], counts: [Int32] = []
    try scores.withFloats { values in
      for row in 0..<batch.rows {
        let before = spans.count
        spans += self.spans(values.baseAddress! + row * length * count, length) { element in
          let place = (row * length + element) * 2
          return isOwn(row, element) && positions[place] >= 0 ? (positions[place], positions[place + 1]) : nil
        }
        counts.append(Int32(spans.count - before))
      }
    }
    _ = batch.output(own.count, as: Int32.self, shape: [batch.rows]).update(fromContentsOf: counts)
    let perRow = counts.map(Int.init)
    BytesElements.encode(spans.map { tags[$0.tag].name.utf8 }).withUnsafeBytes { batch.setRagged(own.count + 1, counts: perRow, bytes: $0) }
    spans.map(\.score).withUnsafeBytes { batch.setRagged(own.count + 2, counts: perRow, bytes: $0) }
    spans.map(\.start).withUnsafeBytes { batch.setRagged(own.count + 3, counts: perRow, bytes: $0) }
    spans.map(\.end).withUnsafeBytes { batch.setRagged(own.count + 4, counts: perRow, bytes: $0) }
  }

  /// - Parameter place: of a token; nil: it is none of the text's.
  private func spans(_ scores: UnsafePointer<Float>, _ length: Int, _ place: (Int) -> (start: Int32, end: Int32)?) -> [Span] {
    let count = classes.labels.count
    var spans: [Span] = [], last: String?
    var token = [Float](repeating: 0, count: count)
    for element in 0..<length {
      guard let place = place(element) else { continue }
      let (best, score) = token.withUnsafeMutableBufferPointer { token in
        _ = token.update(fromContentsOf: UnsafeBufferPointer(start: scores + element * count, count: count))
        classes.activate(token)
        let best = Classes.best(1, of: token)[0]
        return (best, token[best])
      }
      let tag = tags[best]
      defer { last = tag.name }
      if tag.name == "O" { continue }
      if tag.name == last, !tag.begins, let open = spans.last {
        spans[spans.count - 1].end = place.end
        spans[spans.count - 1].score += (score - open.score) / (open.tokens + 1)
        spans[spans.count - 1].tokens += 1
      } else {
        spans.append(Span(tag: best, start: place.start, end: place.end, score: score))
      }
    }
    return spans
  }
}
