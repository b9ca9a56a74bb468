import Foundation
import SheafONNX
import Testing
@testable import Sheaf
@testable import SheafModels

struct OnnxModelTests {
  @Test func linear() throws {
    let model = try load(.linear())
    #expect(model.signature.inputs == [.rows("x", .float32, [4])] && model.signature.outputs == [.rows("y", .float32, [4])])
    #expect(model.signature.maxRows == nil && model.coupling == nil && model.notes.isEmpty)
    #expect(try run(model, [[0, 1, 2, 3], [4, 5, 6, 7]]) == [[[1, 3, 5, 7], [9, 11, 13, 15]]])
  }

  @Test func twoInputsAndOneOutputKept() throws {
    let rows = [SampleRow(length: 1, inputs: [[5, 6], [1, 2]]), SampleRow(length: 1, inputs: [[7, 8], [3, 4]])]
    #expect(try run(try load(.two()), rows) == [[[6, 8], [10, 12]], [[4, 4], [4, 4]]])
    let one = try load(.two()) { $0.outputs = ["difference"] }
    #expect(one.signature.outputs.map(\.name) == ["difference"])
    #expect(try run(one, rows) == [[[4, 4], [4, 4]]])
    #expect(throws: ConfigurationError.self) { try load(.two()) { $0.outputs = ["product"] } }
  }

  @Test func fixedBatchRunsAlone() throws {
    let model = try load(.linear(batch: .fixed(1)))
    #expect(model.signature.maxRows == 1)
    #expect(try run(model, [[1, 2, 3, 4]]) == [[[3, 5, 7, 9]]])
  }

  @Test(arguments: [TensorType.bool, .uint8, .int8, .uint16, .int16, .int32, .int64, .uint32, .uint64, .float16, .float64])
  func elementTypes(_ type: TensorType) throws {
    let model = try load(.linear(type: type))
    #expect(model.signature.inputs[0].type == ElementType(type))
    #expect(try run(model, [[0, 1, 1, 0], [1, 0, 0, 1]]) == [[[0, 1, 1, 0], [1, 0, 0, 1]]])
  }

  @Test func typesThatNoRequestCarriesAreRefused() {
    let error = #expect(throws: ConfigurationError.self) { try load(.linear(type: .bfloat16)) }
    #expect(error?.problem.contains("x is of type bfloat16") == true)
  }

  @Test(arguments: [false, true])
  func pooling(_ unnamed: Bool) throws {
    let rows: [[Double]] = [[3], [1, 2, 9], [4, 8]]
    func pooled(_ pooling: Pool.Mode, normalize: Bool = false) throws -> [[Double]] {
      let model = try load(.encoder(unnamed: unnamed)) {
        $0.pooling = .by([pooling])
        $0.normalize = normalize
      }
      #expect(model.signature.outputs == [.rows("last_hidden_state", .float32, [2])])
      return try run(model, rows, paddedTo: 7)[0]
    }
    #expect(try pooled(.cls).map { $0[0] } == [3, 1, 4])
    #expect(try pooled(.last).map { $0[0] } == [3, 9, 8])
    #expect(try pooled(.mean).map { $0[0] } == [3, 4, 6])
    for vector in try pooled(.mean, normalize: true) { #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-6) }
  }

  @Test func tokenLevelOutputKeepsItsPadAxis() throws {
    let model = try load(.encoder())
    #expect(model.signature.outputs[0].padAxis == 1)
    #expect(model.signature.maxLength == 64)
    #expect(try run(model, [[1, 2, 3], [4]])[0].map(\.count) == [6, 2])
  }

  @Test func poolingWithoutVectorsIsRefused() {
    #expect(throws: ConfigurationError.self) { try load(.linear()) { $0.pooling = .by([.mean]) } }
  }

  @Test func normalizeAlone() throws {
    let vectors = try run(try load(.linear()) { $0.normalize = true }, [[1, 2, 3, 4]])[0]
    #expect(abs(vectors[0].reduce(0) { $0 + $1 * $1 } - 1) < 1e-6)
  }

  /// The trial shows that rows do not lie along the axis that the override says: each runs alone, as it comes.
  @Test func anOverrideThatIsWrongBatchesNothing() throws {
    let model = try load(.blindMean()) { $0.tensors = ["y": TensorOverride(batchAxis: 1)] }
    #expect(model.signature.mostRows == 1)
    #expect(model.notes.contains { $0.contains("runs alone") })
  }

  @Test func names() throws {
    #expect(try load(.linear()).name == "tiny")
    let folder = URL(fileURLWithPath: try TinyModel.linear().write("model")).deletingLastPathComponent()
    #expect(try OnnxModel(OnnxOptions(path: folder.path), runtime: runtime()).name == folder.lastPathComponent)
  }

  @Test func report() throws {
    let lines = ModelReport(try load(.encoder()) { $0.pooling = .by([.mean]) }).lines
    #expect(lines.contains("input    input_ids INT64 [batch*, sequence~], padded with 0"))
    #expect(lines.contains("input    attention_mask INT64 [batch*, sequence~], filled in: the mask of input_ids"))
    #expect(lines.contains("input    token_type_ids INT64 [batch*, sequence~], filled in: 0"))
    #expect(lines.contains("output   last_hidden_state FP32 [batch*, 2]"))
    #expect(lines.contains("batch    any number of rows"))
    #expect(lines.contains("length   up to 64"))
    #expect(lines.contains("metadata max_sequence: 64"))
    #expect(lines.contains { $0.contains("ONNX Runtime 1.") })
  }
}

struct BatchCheckTests {
  @Test func rowsThatStandForThemselves() throws {
    for model in [try load(.linear()), try load(.two()), try load(.encoder()) { $0.pooling = .by([.mean]) }, try load(.encoder())] {
      let check = try BatchCheck(model)
      #expect(check.isSafe)
      #expect(check.rows == 8)
      #expect(check.outputs.allSatisfy { $0.batched < 1e-6 })
    }
  }

  @Test func batchMatesThatMeddle() throws {
    let alone = try load(.meddling())
    #expect(alone.signature.mostRows == 1)
    #expect(alone.coupling?.contains("a row's answer changes in a batch: output y differs by") == true)
    // Accepted by configuration, and still found.
    let accepted = try load(.meddling()) { $0.acceptsUnsafeBatching = true }
    let check = try BatchCheck(accepted)
    #expect(!check.isSafe)
    #expect(check.outputs[0].batched > 0.1)
    #expect(check.outputs[0].padded == nil)
    var options = BatchCheck.Options()
    options.absolute = 20
    #expect(try BatchCheck(accepted, options).isSafe)
  }

  @Test func paddingThatCounts() throws {
    // Accepted by configuration, and still found.
    let check = try BatchCheck(try load(.blindMean()) { $0.tensors = ["x": TensorOverride(padValue: 0)] })
    #expect(!check.isSafe)
    #expect(try #require(check.outputs[0].padded) > 0.01)
    // Refused batching: nothing is padded, nothing is wrong.
    #expect(try BatchCheck(try load(.blindMean())).isSafe)
  }

  @Test func sameSeedSameRows() throws {
    #expect(try BatchCheck(try load(.encoder())).lengths == BatchCheck(try load(.encoder())).lengths)
  }
}

struct WarmUpTests {
  @Test func grid() {
    let grid = WarmUp.grid(maxRows: 6, maxLength: 5, maxTokens: 10)
    #expect(grid.first == BatchShape(rows: 2, length: 5))
    #expect(grid.last == BatchShape(rows: 1, length: 1))
    #expect(Set(grid.map(\.rows)) == [1, 2, 4, 6])
    #expect(Set(grid.map(\.length)) == [1, 2, 4, 5])
    #expect(grid.allSatisfy { $0.rows == 1 || $0.rows * $0.length <= 10 })
    #expect(zip(grid, grid.dropFirst()).allSatisfy { $0.rows * $0.length >= $1.rows * $1.length })
    #expect(WarmUp.grid(maxRows: 1, maxLength: 1, maxTokens: 1) == [BatchShape(rows: 1, length: 1)])
    #expect(WarmUp.grid(maxRows: 4, maxLength: 512, maxTokens: 64).contains(BatchShape(rows: 1, length: 512)))
  }

  @Test func budget() {
    var now: Nanoseconds = 100
    let shapes = WarmUp.grid(maxRows: 8, maxLength: 1, maxTokens: 100)
    let result = WarmUp.run(shapes, budget: 15, clock: { now }) { _ in
      now += 10
      return nil
    }
    #expect(result.ran.map(\.shape) == Array(shapes[..<2]))
    #expect(result.ran.map(\.time) == [10, 10])
    #expect(result.skipped == Array(shapes[2...]))
    #expect(WarmUp.run(shapes, budget: 0, clock: { now }) { _ in nil }.ran.count == 1)
  }

  @Test func runsAModelAtEveryShape() throws {
    let result = try WarmUp.run(try load(.encoder()), BatchSettings(maxRows: 3, maxTokens: 12), budget: .max)
    #expect(Set(result.ran.map(\.shape)) == Set(WarmUp.grid(maxRows: 3, maxLength: 12, maxTokens: 12)) && result.refused.isEmpty)
  }

  /// A shape that the model refuses is passed over.
  @Test func whatIsRefusedIsPassedOver() {
    let result = WarmUp.run([BatchShape(rows: 2, length: 1), BatchShape(rows: 1, length: 1)], budget: .max, clock: { 0 }) { $0.rows == 2 ? "no" : nil }
    #expect(result.ran.map(\.shape) == [BatchShape(rows: 1, length: 1)] && result.refused.map(\.reason) == ["no"])
  }
}
