import SheafONNX
import Testing
@testable import Sheaf
@testable import SheafModels

/// The batch contract from declared shapes alone: no runtime needed.
struct BatchContractTests {
  private func contract(_ inputs: [TensorInfo], _ outputs: [TensorInfo], _ overrides: [String: TensorOverride] = [:]) throws -> BatchContract {
    try BatchContract(inputs: inputs, outputs: outputs, overrides: overrides, path: "m.onnx")
  }
  private let rows: [Extent] = [.symbolic("N"), .fixed(4)]

  @Test func rowsOfFixedExtents() throws {
    let it = try contract([TensorInfo("x", .float32, rows)], [TensorInfo("y", .float32, [.symbolic("N"), .fixed(2)])])
    #expect(it.inputs == [TensorSpec("x", .float32, [.symbolic("N"), .fixed(4)])])
    #expect(it.outputs[0].batchAxis == 0)
    #expect(it.maxRows == nil)
  }

  @Test func textModel() throws {
    let shape: [Extent] = [.symbolic("batch_size"), .symbolic("sequence_length")]
    let it = try contract(
      ["input_ids", "attention_mask", "token_type_ids"].map { TensorInfo($0, .int64, shape) },
      [TensorInfo("last_hidden_state", .float32, shape + [.fixed(384)]), TensorInfo("pooler_output", .float32, [.symbolic("batch_size"), .fixed(384)])])
    #expect(it.inputs.map(\.source) == [.request, .mask(of: "input_ids"), .constant(0)])
    #expect(it.inputs.map(\.padAxis) == [1, 1, 1])
    #expect(it.outputs.map(\.padAxis) == [1, nil])
    #expect(it.maxRows == nil)
  }

  @Test func unnamedExtents() throws {
    let shape: [Extent] = [.symbolic(""), .symbolic("")]
    let it = try contract(
      ["input_ids", "attention_mask"].map { TensorInfo($0, .int64, shape) }, [TensorInfo("h", .float32, shape + [.fixed(8)])])
    #expect(it.inputs[0].shape == [.symbolic("batch"), .symbolic("length")])
    #expect(it.outputs[0].shape == [.symbolic("batch"), .symbolic("length"), .fixed(8)])
    #expect(it.maxRows == nil)
  }

  @Test func aloneWithoutAMask() throws {
    let inputs = [TensorInfo("x", .float32, [.symbolic("batch"), .symbolic("time")])]
    let outputs = [TensorInfo("y", .float32, [.symbolic("batch"), .fixed(1)])]
    let it = try contract(inputs, outputs)
    #expect(it.maxRows == 1)
    #expect(it.notes.contains { $0.contains("padding of input x") })
    #expect(try contract(inputs, outputs, ["x": TensorOverride(padValue: 0)]).maxRows == nil)
  }

  @Test func aloneWhenFixedAtOne() throws {
    let it = try contract([TensorInfo("x", .float32, [.fixed(1), .fixed(3)])], [TensorInfo("y", .float32, [.fixed(1), .fixed(2)])])
    #expect(it.maxRows == 1)
    #expect(it.inputs[0].batchAxis == 0)
    #expect(it.outputs[0].batchAxis == 0)
  }

  @Test func batchAxisThatIsNotTheFirst() throws {
    let it = try contract(
      [TensorInfo("x", .float32, [.fixed(16), .symbolic("batch"), .fixed(3)])], [TensorInfo("y", .float32, [.symbolic("batch"), .fixed(2)])])
    #expect(it.inputs[0].batchAxis == 1)
    #expect(it.maxRows == nil)
    let shared = try contract([TensorInfo("x", .float32, [.fixed(2), .symbolic("who"), .fixed(3)])], [TensorInfo("y", .float32, [.fixed(2), .symbolic("who")])])
    #expect(shared.inputs[0].batchAxis == 1)
    #expect(shared.maxRows == nil)
  }

  @Test func inputWithoutABatchAxis() throws {
    let inputs = [TensorInfo("x", .float32, rows), TensorInfo("rate", .int64, [])]
    let outputs = [TensorInfo("y", .float32, rows)]
    #expect(try contract(inputs, outputs).maxRows == 1)
    #expect(try contract(inputs, outputs, ["rate": TensorOverride(constant: 16000)]).maxRows == nil)
    #expect(try contract(inputs, outputs, ["rate": TensorOverride(shared: true)]).maxRows == nil)
  }

  @Test func outputThatIsNotOneRowEach() throws {
    let it = try contract([TensorInfo("x", .float32, rows)], [TensorInfo("boxes", .float32, [.symbolic("found"), .fixed(4)])])
    #expect(it.maxRows == 1)
    #expect(it.outputs[0].batchAxis == nil)
  }

  @Test func twoOpenExtents() throws {
    let it = try contract(
      [TensorInfo("image", .uint8, [.symbolic("batch"), .symbolic("height"), .symbolic("width"), .fixed(3)])],
      [TensorInfo("y", .float32, [.symbolic("batch"), .fixed(10)])])
    #expect(it.maxRows == 1)
  }

  @Test func stringsAreRefusedByName() {
    let error = #expect(throws: ConfigurationError.self) { try contract([TensorInfo("words", .string, [.symbolic("N")])], []) }
    #expect(error?.problem.contains("words is of type string") == true)
    let sequence = #expect(throws: ConfigurationError.self) { try contract([TensorInfo("x", .float32, rows)], [TensorInfo("maps", nil, [], typeName: "sequence")]) }
    #expect(sequence?.problem.contains("sequence") == true)
  }

  @Test func overridesThatFitNothing() {
    let inputs = [TensorInfo("x", .float32, rows)]
    #expect(throws: ConfigurationError.self) { try contract(inputs, [], ["z": TensorOverride(shared: true)]) }
    #expect(throws: ConfigurationError.self) { try contract(inputs, [], ["x": TensorOverride(batchAxis: 2)]) }
    #expect(throws: ConfigurationError.self) { try contract(inputs, [], ["x": TensorOverride(mask: "z")]) }
  }
}
