import Foundation
import Testing
@testable import Sheaf
@testable import SheafModels

/// Labels and spans, made of scores.
struct ClassesTests {
  private typealias Folder = FolderTests.Folder

  /// The scores are the inputs: [batch, 3].
  private static func scores() -> TinyModel {
    var model = TinyModel()
    model.input("x", .float32, [.symbolic("batch"), .fixed(3)])
    model.node("Identity", ["x"], ["logits"])
    model.output("logits", .float32, [.symbolic("batch"), .fixed(3)])
    return model
  }

  private func served(_ change: (inout OnnxOptions) -> Void = { _ in }, config: String? = nil, model: TinyModel = scores()) throws -> Served {
    let folder = try Folder()
    try folder.write("model.onnx", model)
    if let config { try folder.write("config.json", config) }
    var options = OnnxOptions(path: folder.path)
    change(&options)
    return try Served(try OnnxModel(options, runtime: runtime()))
  }

  private let request = inputs(tensor("x", "FP32", [2, 3], [0, 3, 1, 2, -1, 2]))

  @Test func theFoldersLabels() throws {
    let reply = try served(config: #"{"id2label":{"0":"joy","2":"awe","1":"fear"}}"#).ask(request)
    #expect(reply["logits"]?.numbers == [0, 3, 1, 2, -1, 2])
    #expect(reply["label"] == Served.Output(shape: [2], texts: ["fear", "joy"]))
    let scores = try #require(reply["score"])
    #expect(scores.shape == [2])
    #expect(abs(scores.numbers[0] - exp(3) / (1 + exp(3) + exp(1))) < 1e-6)
    // Nobody wants LABEL_0, nor labels that are not as many as the scores.
    for config in [#"{"id2label":{"0":"LABEL_0","1":"LABEL_1","2":"LABEL_2"}}"#, #"{"id2label":{"0":"a","1":"b"}}"#, "{}"] {
      #expect(try served(config: config).ask(request).outputs.keys.sorted() == ["logits"])
    }
    #expect(try served({ $0.answers = .tensors }, config: #"{"id2label":{"0":"joy","2":"awe","1":"fear"}}"#).ask(request)["label"] == nil)
  }

  @Test func topAndSigmoid() throws {
    let reply = try served({ $0.answers = .classes; $0.labels = ["a", "b", "c"]; $0.top = 2; $0.activation = .sigmoid; $0.outputs = ["label", "score"] }).ask(request)
    #expect(reply.outputs.keys.sorted() == ["label", "score"])
    #expect(reply["label"] == Served.Output(shape: [2, 2], texts: ["b", "c", "a", "c"]))
    #expect(zip(reply["score"]!.numbers, [3.0, 1, 2, 2]).allSatisfy { abs($0 - 1 / (1 + exp(-$1))) < 1e-6 })
    let several = try served(config: #"{"problem_type":"multi_label_classification","id2label":{"0":"joy","2":"awe","1":"fear"}}"#).ask(request)
    #expect(abs(several["score"]!.numbers[0] - 1 / (1 + exp(-3))) < 1e-6)
    #expect(throws: ConfigurationError.self) { try served({ $0.answers = .classes; $0.labels = ["a"] }) }
    #expect(throws: ConfigurationError.self) { try served({ $0.answers = .spans }) }
  }

  /// A model that ends in a softmax of its own.
  @Test func sharesAreToldAsTheyCome() throws {
    var model = TinyModel()
    model.input("x", .float32, [.symbolic("batch"), .fixed(3)])
    model.node("Softmax", ["x"], ["probabilities"], ints: ["axis": 1])
    model.output("probabilities", .float32, [.symbolic("batch"), .fixed(3)])
    let reply = try served({ $0.answers = .classes }, model: model).ask(request)
    #expect(reply["label"]?.texts == ["1", "0"])
    #expect(reply["score"]?.numbers[0] == reply["probabilities"]?.numbers[1])
  }

  @Test func rawRepliesStayTheModelsOwn() throws {
    let model = try served(config: #"{"id2label":{"0":"joy","2":"awe","1":"fear"}}"#).model
    #expect(model.signature.rawOutput == 0)
    #expect(model.signature.outputs.map(\.isDerived) == [false, true, true])
  }

  // MARK: Spans

  /// Scores of each token by a table: id to class, id modulo 4.
  private static func tagger() -> TinyModel {
    var model = TinyModel()
    model.constant("table", (0..<200).flatMap { id in (0..<4).map { $0 == id % 4 ? Float(2) : 0 } }, shape: [200, 4])
    for name in ["input_ids", "attention_mask"] { model.input(name, .int64, [.symbolic("batch"), .symbolic("length")]) }
    model.constant("two", [2])
    model.node("Gather", ["table", "input_ids"], ["scores"], ints: ["axis": 0])
    model.node("Cast", ["attention_mask"], ["mask"], ints: ["to": 1])
    model.node("Unsqueeze", ["mask", "two"], ["wide"])
    model.node("Mul", ["scores", "wide"], ["logits"])
    model.output("logits", .float32, [.symbolic("batch"), .symbolic("length"), .fixed(4)])
    return model
  }

  /// A character an id, its number; special ids around.
  private struct Characters: TextEncoder {
    var maxLength: Int { 64 }
    func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
      tokens.removeAll()
      tokens.ids = [101]
      tokens.places = [.init(start: 0, end: 0)]
      var start = 0
      for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
        let size = String(scalar).utf8.count
        tokens.ids.append(Int64(scalar.value % 200))
        tokens.places.append(.init(start: Int32(start), end: Int32(start + size)))
        start += size
      }
      tokens.ids.append(101)
      tokens.places.append(.init(start: 0, end: 0))
    }
  }

  @Test func spansOfATokenClassifier() throws {
    let folder = try Folder()
    try folder.write("model.onnx", Self.tagger())
    // Characters by their number: modulo 4 0: O, 1: B-PER, 2: I-PER, 3: LOC.
    try folder.write("config.json", #"{"architectures":["BertForTokenClassification"],"id2label":{"0":"O","1":"B-PER","2":"I-PER","3":"LOC"}}"#)
    var options = OnnxOptions(path: folder.path)
    options.outputs = ["spans", "label", "score", "start", "end"]
    let served = try Served(try OnnxModel(options, runtime: runtime(), text: Characters()), format: .text)
    // a b c d e f: 1 2 3 0 1 2; é (233 - 200 = 33) is 1, two bytes and one character.
    let replies = try served.ask(["abcdef", "d", "éaab"])
    #expect(served.batches == [3])
    #expect(replies[0]["spans"]?.numbers == [3])
    #expect(replies[0]["label"] == Served.Output(shape: [3], texts: ["PER", "LOC", "PER"]))
    #expect(replies[0]["start"]?.numbers == [0, 2, 4] && replies[0]["end"]?.numbers == [2, 3, 6])
    #expect(replies[0]["score"]!.numbers.allSatisfy { abs($0 - exp(2) / (exp(2) + 3)) < 1e-6 })
    #expect(replies[1]["spans"]?.numbers == [0] && replies[1]["label"] == Served.Output(shape: [0]))
    // Each B- begins a new one; places count characters, not bytes.
    #expect(replies[2]["label"]?.texts == ["PER", "PER", "PER"])
    #expect(replies[2]["start"]?.numbers == [0, 1, 2] && replies[2]["end"]?.numbers == [1, 2, 4])
    // Two texts in one request.
    let two = try served.ask(#"{"texts":["cc","ad"]}"#)
    #expect(two["spans"]?.numbers == [1, 1] && two["label"]?.texts == ["LOC", "PER"] && two["end"]?.numbers == [2, 1])
  }
}
