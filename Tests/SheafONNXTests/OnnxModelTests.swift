import Glibc
import SheafONNX
import SheafTesting
import Testing

@testable import Sheaf

/// One for all tests: loading the library takes a while.
private let shared = Result { try Runtime(path: try onnxruntime()) }
func runtime() throws -> Runtime { try shared.get() }

private func onnxruntime() throws -> String {
  let folder = Installed.home + "/onnxruntime"
  guard let name = fileNames(in: folder).first(where: { $0.hasPrefix("libonnxruntime.so") }) else {
    throw TestClientError("\(folder) holds no libonnxruntime.so: run `make setup`")
  }
  return "\(folder)/\(name)"
}

/// Writes a model file and loads it.
private func load(_ file: OnnxFile, _ change: (inout OnnxModel.Options) -> Void = { _ in }) throws -> OnnxModel {
  let directory = try TemporaryDirectory()
  let path = directory.path + "/model.onnx"
  try writeBytes(file.bytes, to: path)
  var options = OnnxModel.Options(path: path)
  change(&options)
  return try OnnxModel(try runtime(), options)
}

private func writeBytes(_ bytes: [UInt8], to path: String) throws {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  defer { close(file) }
  guard bytes.withUnsafeBytes({ write(file, $0.baseAddress, $0.count) }) == bytes.count else { throw TestClientError("cannot write \(path)") }
}

/// y = x · [batch, 4]: 2x + 1
private func affine(batch: OnnxFile.Extent = "batch") -> OnnxFile {
  var file = OnnxFile()
  file.input("x", .float, [batch, 4])
  file.output("y", .float, [batch, 4])
  file.floats("two", [1], [2])
  file.floats("one", [1], [1])
  file.node("Mul", ["x", "two"], ["m"])
  file.node("Add", ["m", "one"], ["y"])
  return file
}

/// ids → [batch, tokens, 2]: each token's id and its negative.
private func hiddenStates() -> OnnxFile {
  var file = OnnxFile()
  file.input("input_ids", .int64, ["batch", "sequence"])
  file.input("attention_mask", .int64, ["batch", "sequence"])
  file.output("last_hidden_state", .float, ["batch", "sequence", 2])
  file.ints("last", [2])
  file.floats("signs", [2], [1, -1])
  file.node("Cast", ["input_ids"], ["f"], ints: ["to": 1])
  file.node("Unsqueeze", ["f", "last"], ["u"])
  file.node("Mul", ["u", "signs"], ["h"])
  // The mask has to be used, or it would not be an input.
  file.node("Cast", ["attention_mask"], ["mf"], ints: ["to": 1])
  file.node("Unsqueeze", ["mf", "last"], ["mu"])
  file.node("Mul", ["h", "mu"], ["last_hidden_state"])
  return file
}

/// Runs rows together and gives each row's first output.
private func run(_ model: OnnxModel, lengths: [Int]) throws -> (inputs: [[Int64]], outputs: [[Float]]) {
  let sample = SampleRequests(signature: model.signature)
  let requests = lengths.enumerated().map { sample.row(length: $0.element, seed: UInt64($0.offset + 1)) }
  defer { for request in requests { request.release() } }
  let batch = ModelBatch(signature: model.signature), splitter = OutputSplitter(model.signature), context = model.makeContext()
  BatchFiller(model.signature).fill(batch, requests[...])
  try context.run(batch)
  try splitter.begin(batch)
  let outputs = requests.enumerated().map { index, request in
    let slice = splitter.split(first: index, rows: 1, length: Int(request.length))[0]
    return (0..<(slice.byteCount / 4)).map { slice.data.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
  }
  let inputs = requests.map { request in
    (0..<(request.tensor(0).byteCount / 8)).map { request.tensor(0).data.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self) }
  }
  return (inputs, outputs)
}

@Suite struct OnnxModelTests {
  @Test func infersRowsOfFixedWidth() throws {
    let model = try load(affine())
    #expect(model.signature.inputs == [TensorSpec("x", .float32, [.symbolic("batch"), .fixed(4)])])
    #expect(model.signature.outputs == [TensorSpec("y", .float32, [.symbolic("batch"), .fixed(4)])])
    #expect(model.signature.maxRows == nil)
    #expect(model.session.metadata.custom.map(\.key) == ["purpose"])
    let check = try BatchCheck(model)
    #expect(check.isSafe && check.differences.map(\.batched) == [0])
  }

  @Test func aFixedBatchRunsOneAtATime() throws {
    #expect(try load(affine(batch: 1)).signature.maxRows == 1)
  }

  @Test func textInputsAreMaskedAndFilled() throws {
    let signature = try load(hiddenStates()).signature
    #expect(signature.inputs.map(\.source) == [.request, .mask(of: "input_ids")])
    #expect(signature.inputs.map(\.padAxis) == [1, 1])
    #expect(signature.outputs.map(\.padAxis) == [1])
  }

  @Test(arguments: Pooling.allCases) func pools(_ pooling: Pooling) throws {
    let model = try load(hiddenStates()) { $0.pooling = pooling }
    #expect(model.signature.outputs[0].shape == [.symbolic("batch"), .fixed(2)])
    let (inputs, outputs) = try run(model, lengths: [3, 7, 1])
    for (ids, output) in zip(inputs, outputs) {
      let expected: Float = switch pooling {
      case .cls: Float(ids[0])
      case .last: Float(ids.last!)
      case .mean: Float(ids.reduce(0, +)) / Float(ids.count)
      }
      #expect(abs(output[0] - expected) < 1e-4 && output[1] == -output[0])
    }
  }

  @Test func normalizes() throws {
    let model = try load(hiddenStates()) {
      $0.pooling = .cls
      $0.normalize = true
    }
    for output in try run(model, lengths: [2, 5]).outputs { #expect(abs(output[0] - 0.5.squareRoot().float) < 1e-6) }
  }

  @Test func trimsOutputsToTheirRow() throws {
    let (inputs, outputs) = try run(try load(hiddenStates()), lengths: [2, 6, 4])
    #expect(outputs.map(\.count) == [4, 12, 8])
    for (ids, output) in zip(inputs, outputs) { #expect(output == ids.flatMap { [Float($0), -Float($0)] }) }
  }

  @Test func findsAModelThatMixesItsRows() throws {
    var file = OnnxFile()
    file.input("x", .float, ["batch", 4])
    file.output("y", .float, ["batch", 4])
    file.ints("axis", [0])
    file.node("ReduceMean", ["x", "axis"], ["m"])
    file.node("Sub", ["x", "m"], ["y"])
    let check = try BatchCheck(try load(file))
    #expect(!check.isSafe)
    #expect(check.problem?.contains("in a batch: output \"y\" differs by") == true)
  }

  @Test func findsAModelThatCountsItsPadding() throws {
    var file = OnnxFile()
    file.input("x", .float, ["batch", "time"])
    file.output("y", .float, ["batch"])
    file.ints("axis", [1])
    file.node("ReduceMean", ["x", "axis"], ["y"], ints: ["keepdims": 0])
    let check = try BatchCheck(try load(file))
    #expect(!check.isSafe)
    #expect(check.problem?.contains("beside a longer row") == true)
  }

  @Test func refusesWhatItCannotServe() throws {
    var strings = OnnxFile()
    strings.input("s", .string, ["batch"])
    strings.output("t", .string, ["batch"])
    strings.node("Identity", ["s"], ["t"])
    #expect(throws: ConfigurationError(key: "models.inputs.s", value: "string", problem: "this type is not supported", fix: "export the model with numeric tensors")) { try load(strings) }
    var ragged = OnnxFile()
    ragged.input("image", .float, ["batch", 3, "height", "width"])
    ragged.output("y", .float, ["batch", 3, "height", "width"])
    ragged.node("Identity", ["image"], ["y"])
    #expect { try load(ragged) } throws: { "\($0)".contains("2 free extents beside the batch (height, width)") }
    #expect { try load(affine()) { $0.outputs = ["z"] } } throws: { "\($0)" == "models.outputs: z: the model has no such output; it has y" }
    #expect { try load(affine()) { $0.overrides["q"] = .init() } } throws: { "\($0)".contains("models.inputs.q: the model has no such tensor; it has x, y") }
  }

  @Test func saysWhatIsMissing() throws {
    #expect { try Runtime(path: "/nowhere/libonnxruntime.so") } throws: { "\($0)".contains("/nowhere/libonnxruntime.so") && "\($0)".contains("SHEAF_ONNXRUNTIME") }
    #expect { try OnnxModel(try runtime(), .init(path: "/nowhere/model.onnx")) } throws: { "\($0)".contains("/nowhere/model.onnx") }
    let directory = try TemporaryDirectory()
    try writeText("not a model", to: directory.path + "/broken.onnx")
    #expect { try OnnxModel(try runtime(), .init(path: directory.path + "/broken.onnx")) } throws: { "\($0)".contains("broken.onnx on cpu") }
    // Asked for a device that is not here: refused, and not run on the CPU.
    for device in ["cuda:0", "tensorrt:0"] {
      #expect { try load(affine()) { $0.session.device = Device(device)! } } throws: { "\($0)".hasPrefix("\(device) cannot be used") }
    }
  }

  @Test func readsDevices() {
    #expect(Device("cpu") == .cpu)
    #expect(Device("cuda") == .cuda(0))
    #expect(Device("cuda:3") == .cuda(3))
    #expect(Device("tensorrt:1") == .tensorrt(1))
    for bad in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0"] { #expect(Device(bad) == nil) }
  }

  @Test func warmsUpWithinItsBounds() {
    let grid = WarmUp.grid(BatchSettings(maxRows: 32, maxTokens: 512), maxLength: 100, isRagged: true)
    #expect(grid.allSatisfy { $0.rows <= 32 && $0.length <= 100 && $0.rows * $0.length <= 512 })
    #expect(grid.contains(.init(rows: 32, length: 16)) && grid.contains(.init(rows: 1, length: 100)) && grid.contains(.init(rows: 1, length: 1)))
    #expect(WarmUp.grid(BatchSettings(maxRows: 3), maxLength: nil, isRagged: false) == [.init(rows: 3, length: 1), .init(rows: 2, length: 1), .init(rows: 1, length: 1)])
  }
}

extension Double { fileprivate var float: Float { Float(self) } }
