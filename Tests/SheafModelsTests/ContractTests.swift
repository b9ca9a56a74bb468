import SheafONNX
import Testing
@testable import Sheaf
@testable import SheafModels

/// What is found out by trying, and that requests are answered rightly by it, in company as alone.
struct ContractTests {
  private func isBatched(_ model: OnnxModel) -> Bool { model.signature.mostRows > 1 }

  // MARK: Masks

  static let names: [(ids: [Extent], mask: [Extent], order: [String], maskName: String)] = [
    ([.symbolic("batch"), .symbolic("seq")], [.symbolic("batch"), .symbolic("seq")], ["input_ids", "attention_mask"], "attention_mask"),
    ([.symbolic("batch"), .symbolic("seq")], [.symbolic("mask_batch"), .symbolic("mask_len")], ["input_ids", "attention_mask"], "attention_mask"),
    ([.symbolic("batch"), .symbolic("seq")], [.symbolic("batch"), .symbolic("mask_len")], ["attention_mask", "input_ids"], "attention_mask"),
    ([.symbolic(""), .symbolic("")], [.symbolic(""), .symbolic("")], ["input_ids", "attention_mask"], "attention_mask"),
    ([.symbolic("input_ids_dynamic_axes_1"), .symbolic("input_ids_dynamic_axes_2")], [.symbolic("attention_mask_dynamic_axes_1"), .symbolic("attention_mask_dynamic_axes_2")], ["input_ids", "attention_mask"], "attention_mask"),
    ([.symbolic("s0"), .symbolic("s1")], [.symbolic("s0"), .symbolic("s1")], ["attention_mask", "input_ids"], "attention_mask"),
    ([.symbolic("unk__7"), .symbolic("unk__8")], [.symbolic("unk__9"), .symbolic("unk__10")], ["input_ids", "attention_mask"], "input_mask"),
  ]

  @Test(arguments: names.indices) func namesAreHints(_ index: Int) throws {
    let (ids, mask, order, maskName) = Self.names[index]
    let served = try Served(load(.maskedSum(ids: ids, mask: mask, order: order, maskName: maskName)))
    #expect(isBatched(served.model) && served.model.signature.isPadded)
    let rows: [[Double]] = [[1, 2, 3, 4, 5], [10], [7, 8]]
    let replies = try served.ask(rows.map { inputs(tensor("input_ids", "INT64", [1, $0.count], $0)) })
    #expect(replies.map { $0["sum"]?.numbers } == [[15], [10], [15]])
    #expect(served.batches == [3])
  }

  /// A mask that the client sends is used, zeros in the middle and all.
  @Test func aClientsMaskIsUsed() throws {
    let served = try Served(load(.maskedSum(ids: [.symbolic("b"), .symbolic("s")], mask: [.symbolic("b"), .symbolic("s")])))
    let masked = inputs(tensor("input_ids", "INT64", [1, 4], [1, 2, 3, 4]), tensor("attention_mask", "INT64", [1, 4], [0, 1, 0, 1]))
    let replies = try served.ask([masked, inputs(tensor("input_ids", "INT64", [1, 6], [1, 1, 1, 1, 1, 1]))])
    #expect(replies.map { $0["sum"]?.numbers } == [[6], [6]])
    #expect(served.batches == [2])
  }

  /// A model exported with one length takes shorter rows: the mask tells their padding apart.
  @Test func fixedLengthIsPadded() throws {
    let served = try Served(load(.maskedSum(ids: [.symbolic("batch"), .fixed(8)], mask: [.symbolic("batch"), .fixed(8)])))
    #expect(served.model.signature.fixedLength == 8 && isBatched(served.model))
    let replies = try served.ask([[1, 2, 3], [5, 5, 5, 5, 5, 5, 5, 5], [9]].map { inputs(tensor("input_ids", "INT64", [1, $0.count], $0)) })
    #expect(replies.map { $0["sum"]?.numbers } == [[6], [40], [9]])
    #expect(try served.ask(inputs(tensor("input_ids", "INT64", [1, 9], Array(repeating: 1, count: 9)))).error?.contains("shape") == true)
    // Whole rows, raw.
    let raw = try Served(served.model, format: .raw)
    let bytes = (0..<16).flatMap { value in withUnsafeBytes(of: Int64(value)) { Array($0) } }
    #expect(try raw.ask([bytes])[0]["sum"] == Served.Output(shape: [2, 1], numbers: [28, 92]))
  }

  @Test func aMaskThatIsTrueForPadding() throws {
    let served = try Served(load(.invertedMask()))
    #expect(served.model.signature.isPadded)
    let replies = try served.ask([[1, 2, 3], [4]].map { inputs(tensor("x", "FP32", [1, $0.count], $0)) })
    #expect(replies.map { $0["sum"]?.numbers } == [[6], [4]])
    #expect(served.batches == [2])
  }

  // MARK: Outputs

  @Test(arguments: [1, 3, 4, 64]) func whatAllRowsShareIsHandedToEach(_ rows: Int) throws {
    let served = try Served(load(.sharedTable(rows: rows)))
    #expect(isBatched(served.model))
    let replies = try served.ask((0..<3).map { inputs(tensor("x", "FP32", [1, 4], Array(repeating: Double($0), count: 4))) })
    for (index, reply) in replies.enumerated() {
      #expect(reply["y"] == Served.Output(shape: [1, 4], numbers: Array(repeating: Double(index), count: 4)))
      #expect(reply["table"] == Served.Output(shape: [rows, 5], numbers: (0..<(rows * 5)).map(Double.init)))
    }
    #expect(served.batches == [3])
  }

  @Test func scoresAreNotCutToTheTextsLength() throws {
    let served = try Served(load(.unnamedScores()))
    let lengths = [8, 3, 12, 8]
    let replies = try served.ask(lengths.map { inputs(tensor("input_ids", "INT64", [1, $0], Array(repeating: 1, count: $0))) })
    for (length, reply) in zip(lengths, replies) {
      #expect(reply["scores"] == Served.Output(shape: [1, 8], numbers: (8..<16).map { Double($0 % 17) * Double(length) }))
    }
    #expect(served.batches == [4])
  }

  @Test func anAxisBetweenRowsAndLength() throws {
    let served = try Served(load(.choices()))
    let replies = try served.ask([inputs(tensor("input_ids", "INT64", [1, 2, 3], [1, 2, 3, 4, 5, 6])), inputs(tensor("input_ids", "INT64", [1, 2, 2], [1, 1, 2, 2]))])
    #expect(replies.map { $0["scores"]?.numbers } == [[6, 15], [2, 4]])
  }

  @Test(arguments: [true, false]) func rowsAlongTheSecondAxis(_ names: Bool) throws {
    let served = try Served(load(.stateful(names: names)))
    #expect(isBatched(served.model))
    func request(_ value: Double, _ rate: Double) -> String {
      inputs(tensor("input", "FP32", [1, 2], [value, value]), tensor("state", "FP32", [2, 1, 3], (0..<6).map(Double.init)), tensor("sr", "INT64", [], [rate]))
    }
    let replies = try served.ask([request(1, 2), request(5, 2), request(3, 4)])
    for (reply, step) in zip(replies, [2.0, 10, 12]) {
      #expect(reply["output"] == Served.Output(shape: [1, 1], numbers: [step]))
      // The model's axes, so that it can be sent back as it is.
      #expect(reply["stateN"] == Served.Output(shape: [2, 1, 3], numbers: (0..<6).map { Double($0) + step }))
    }
    // Those of one rate together.
    #expect(served.batches == [2, 1])
    // Two rows in one request.
    let two = inputs(tensor("input", "FP32", [2, 1], [1, 2]), tensor("state", "FP32", [2, 2, 3], Array(repeating: 0, count: 12)), tensor("sr", "INT64", [], [1]))
    #expect(try served.ask(two)["stateN"] == Served.Output(shape: [2, 2, 3], numbers: [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]))
  }

  @Test func timeFirst() throws {
    let served = try Served(load(.timeFirst()))
    #expect(isBatched(served.model))
    func request(_ frames: [Double]) -> String { inputs(tensor("frames", "FP32", [frames.count / 2, 1, 2], frames)) }
    let replies = try served.ask([request([1, 2, 3, 4]), request([5, 6, 7, 8]), request([9, 9])])
    #expect(replies.map { $0["sum"]?.numbers } == [[4, 6], [12, 14], [9, 9]])
    #expect(served.batches == [2, 1])
  }

  @Test func oneAnswerToAllThatWasSentStaysOne() throws {
    let served = try Served(load(.total()))
    #expect(!isBatched(served.model))
    let replies = try served.ask([inputs(tensor("x", "FP32", [2, 2], [1, 2, 3, 4])), inputs(tensor("x", "FP32", [1, 3], [5, 5, 5]))])
    #expect(replies.map { $0["total"] } == [Served.Output(shape: [], numbers: [10]), Served.Output(shape: [], numbers: [15])])
  }

  @Test func outputsWithoutAShape() throws {
    let served = try Served(load(.reshaped()))
    let reply = try served.ask(inputs(tensor("x", "FP32", [4], [1, 2, 3, 4]), tensor("to", "INT64", [2], [2, 2])))
    #expect(reply["y"] == Served.Output(shape: [2, 2], numbers: [1, 2, 3, 4]))
  }

  // MARK: Lengths and values

  @Test func idsStayWithinTheirTable() throws {
    for count in [3, 24, 33, 5000] {
      let served = try Served(load(.table(of: count)))
      #expect(isBatched(served.model), "\(count)")
      let limit = served.model.signature.example.limits["id"] ?? 0
      #expect(limit >= 2 && limit <= count)
      let ids = (0..<min(count, 40)).map(Double.init)
      let replies = try served.ask(ids.map { inputs(tensor("id", "INT64", [1, 1], [$0])) })
      for (id, reply) in zip(ids, replies) { #expect(reply["y"]?.numbers == [2 * id, 2 * id + 1]) }
    }
  }

  @Test func lengthsThatAConvolutionNeeds() throws {
    let served = try Served(load(.windows()))
    #expect(isBatched(served.model) && !served.model.signature.isPadded)
    func request(_ count: Int, _ value: Double) -> String { inputs(tensor("samples", "FP32", [1, count], Array(repeating: value, count: count))) }
    let replies = try served.ask([request(60, 1), request(100, 1), request(60, 2)])
    #expect(replies.map { $0["frames"]?.shape } == [[1, 1, 2], [1, 1, 4], [1, 1, 2]])
    #expect(replies.map { ($0["frames"]?.numbers[0] ?? 0).rounded() } == [20, 20, 39])
    // Equal lengths run together, others do not.
    #expect(served.batches == [2, 1])
    let shapes = WarmUp.shapes(served.model, BatchSettings())
    let result = try WarmUp.run(served.model, BatchSettings(), budget: 10_000_000_000)
    #expect(result.refused.isEmpty && result.ran.count == shapes.count)
  }

  @Test func imagesOfOneSizeRunTogether() throws {
    let served = try Served(load(.image()))
    #expect(isBatched(served.model))
    func request(_ height: Int, _ width: Int, _ value: Double) -> String { inputs(tensor("image", "FP32", [1, 1, height, width], Array(repeating: value, count: height * width))) }
    let replies = try served.ask([request(4, 6, 1), request(6, 4, 1), request(4, 6, 3), request(2, 2, 5)])
    #expect(replies.map { $0["half"]?.shape } == [[1, 1, 2, 3], [1, 1, 3, 2], [1, 1, 2, 3], [1, 1, 1, 1]])
    #expect(replies.map { $0["y"]?.numbers } == [[10], [10], [30], [50]])
    #expect(served.batches == [2, 1, 1])
  }

  @Test func lengthsThatHaveNothingToDoWithEachOther() throws {
    let served = try Served(load(.twoLengths()))
    #expect(isBatched(served.model))
    func request(_ a: Int, _ b: Int) -> String { inputs(tensor("a", "FP32", [1, a], Array(repeating: 1, count: a)), tensor("b", "FP32", [1, b], Array(repeating: 2, count: b))) }
    let replies = try served.ask([request(2, 5), request(3, 1), request(2, 5)])
    #expect(replies.map { $0["y"]?.numbers } == [[2, 10], [3, 2], [2, 10]])
    #expect(served.batches == [2, 1])
  }

  @Test(arguments: [1, 4]) func aFixedNumberOfRows(_ rows: Int) throws {
    let served = try Served(load(.linear(batch: .fixed(rows))))
    #expect(served.model.signature.mostRows == rows)
    let replies = try served.ask([inputs(tensor("x", "FP32", [1, 4], [0, 1, 2, 3])), inputs(tensor("x", "FP32", [2, 4], [1, 1, 1, 1, 2, 2, 2, 2]))])
    #expect(replies.map { $0["y"]?.numbers } == [[1, 3, 5, 7], [3, 3, 3, 3, 5, 5, 5, 5]])
    #expect(served.batches == (rows == 1 ? [1, 1, 1] : [3]))
  }

  // MARK: Company

  @Test(arguments: [false, true]) func whatIsQuantisedAtRunTimeIsNotBatched(_ intoIntegers: Bool) throws {
    let model = try load(.quantised(intoIntegers: intoIntegers))
    #expect(model.signature.mostRows == 1)
    #expect(model.coupling?.contains("a row's answer changes in a batch") == true)
    #expect(model.coupling?.contains("quantised at run time") == true && model.coupling?.contains("DynamicQuantizeLinear") == true)
    #expect(try load(.quantised(intoIntegers: intoIntegers)) { $0.acceptsUnsafeBatching = true }.signature.maxRows == nil)
  }

  @Test func randomAnswersAreNoCoupling() throws {
    let model = try load(.random())
    #expect(model.coupling == nil && model.notes.contains { $0.contains("random numbers") })
    #expect(try BatchCheck(model).isSafe)
  }

  @Test func aCheckThatComparesNaNSaysSo() throws {
    let check = try BatchCheck(try load(.notANumber()))
    #expect(check.outputs[0].isNaN)
  }

  /// The same contract in every process, or a child could not run what its parent decoded.
  @Test func theSameEveryTime() throws {
    for model in [TinyModel.unnamedScores(), .stateful(names: false), .image(), .twoLengths()] {
      #expect(try load(model).signature.fingerprint == load(model).signature.fingerprint)
    }
  }

  // MARK: Strings and maps

  @Test(arguments: [false, true], [false, true]) func classifiers(_ zipMap: Bool, _ strings: Bool) throws {
    let served = try Served(load(.classifier(zipMap: zipMap, strings: strings)))
    #expect(isBatched(served.model))
    let rows: [[Double]] = [[5, 1], [1, 5], [-5, -5]]
    let replies = try served.ask(rows.map { inputs(tensor("float_input", "FP32", [1, 2], $0)) } + [inputs(tensor("float_input", "FP32", [2, 2], rows[0] + rows[2]))])
    #expect(served.batches == [5])
    let names = ["setosa", "versicolor", "virginica"]
    for (index, reply) in replies.prefix(3).enumerated() {
      #expect(reply["label"] == (strings ? Served.Output(shape: [1], texts: [names[index]]) : Served.Output(shape: [1], numbers: [Double(index)])))
      #expect(reply["probabilities"]?.shape == [1, 3])
      #expect((reply["probabilities"]?.numbers[index] ?? 0) > 0.9)
    }
    #expect(replies[3]["label"]?.shape == [2] && replies[3]["probabilities"]?.shape == [2, 3])
    // The keys of maps are told.
    #expect(replies[0].text.contains("\"labels\":[\"\(strings ? "setosa" : "0")\"") == zipMap)
  }

  @Test func stringsIn() throws {
    let served = try Served(load(.strings()))
    #expect(isBatched(served.model))
    func request(_ words: [String]) -> String { #"{"inputs":[{"name":"colour","shape":[\#(words.count / 2),2],"datatype":"BYTES","data":\#(words)}]}"# }
    let replies = try served.ask([request(["red", "green"]), request(["", "red", "green", "b\\u00fcnt"])])
    #expect(replies[0]["number"] == Served.Output(shape: [1, 2], numbers: [7, 8]))
    #expect(replies[0]["feel"] == Served.Output(shape: [1, 2], texts: ["warm", "cold"]))
    #expect(replies[1]["number"] == Served.Output(shape: [2, 2], numbers: [-1, 7, 8, -1]))
    #expect(replies[1]["feel"] == Served.Output(shape: [2, 2], texts: ["none", "warm", "cold", "none"]))
    #expect(served.batches == [3])
  }

  // MARK: Overrides

  @Test func overridesHaveToFitTheirTensor() throws {
    func problem(_ name: String, _ override: TensorOverride) -> String? {
      do {
        _ = try load(.stateful(names: true)) { $0.tensors = [name: override] }
        return nil
      } catch { return "\(error)" }
    }
    #expect(problem("nobody", TensorOverride(batchAxis: 0))?.contains("there is no input or output nobody") == true)
    #expect(problem("state", TensorOverride(batchAxis: 3))?.contains("models.inputs.state.batchAxis: 3") == true)
    #expect(problem("state", TensorOverride(padAxis: -1))?.contains("models.inputs.state.padAxis: -1") == true)
    #expect(problem("sr", TensorOverride(constant: 1.5))?.contains("models.inputs.sr.constant: 1.5") == true)
    #expect(problem("sr", TensorOverride(constant: 1e300)) != nil)
    #expect(problem("input", TensorOverride(padValue: 1e300))?.contains("models.inputs.input.padValue") == true)
    #expect(problem("input", TensorOverride(mask: "input")) != nil)
    #expect(problem("input", TensorOverride(mask: "other")) != nil)
    #expect(problem("stateN", TensorOverride(constant: 0))?.contains("is an output") == true)
    #expect(problem("state", TensorOverride(batchAxis: 1, shared: true)) != nil)
    #expect(problem("sr", TensorOverride(constant: 16000)) == nil)
  }

  @Test func whatIsPromisedIsPadded() throws {
    let served = try Served(load(.maskedSum(ids: [.symbolic("b"), .symbolic("s")], mask: [.symbolic("b"), .symbolic("s")])) { $0.tensors = ["input_ids": TensorOverride(padValue: 0), "attention_mask": TensorOverride(constant: 1)] })
    let replies = try served.ask([[1, 2, 3], [4]].map { inputs(tensor("input_ids", "INT64", [1, $0.count], $0)) })
    #expect(replies.map { $0["sum"]?.numbers } == [[6], [4]])
    #expect(served.batches == [2])
    let wrong = try load(.blindMean()) { $0.tensors = ["x": TensorOverride(padValue: 0)] }
    #expect(wrong.notes.contains { $0.contains("changes answers") })
  }
}
