import Foundation
import SheafONNX
import SheafTesting
import Testing
@testable import Sheaf
@testable import SheafModels

/// Folders as the hub and sentence-transformers lay them out.
struct FolderTests {
  /// Files in a folder of their own, deleted afterwards.
  final class Folder {
    let path: String

    init(_ files: [String: Data] = [:]) throws {
      path = FileManager.default.temporaryDirectory.appendingPathComponent("sheaf-\(UUID().uuidString)").path
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for (name, data) in files { try write(name, data) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ data: Data) throws {
      let url = URL(fileURLWithPath: path + "/" + name)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try data.write(to: url)
    }

    func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

    func write(_ name: String, _ model: TinyModel) throws { try write(name, Data(contentsOf: URL(fileURLWithPath: model.write()))) }
  }

  static func modules(_ types: [String]) -> String {
    let list = types.enumerated().map { index, type in
      let path = index == 0 ? "" : "\(index)_\(type.split(separator: ".").last!)"
      return #"{"idx":\#(index),"name":"\#(index)","path":"\#(path)","type":"\#(type)"}"#
    }
    return "[\(list.joined(separator: ","))]"
  }

  static func safetensors(_ tensors: [(name: String, shape: [Int], values: [Float])]) -> Data {
    var header: [String] = [], body = Data()
    for tensor in tensors {
      let bytes = tensor.values.withUnsafeBytes { Data($0) }
      header.append(#""\#(tensor.name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(body.count),\#(body.count + bytes.count)]}"#)
      body += bytes
    }
    let text = Data("{\(header.joined(separator: ","))}".utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + body
  }

  private func served(_ folder: Folder, _ change: (inout OnnxOptions) -> Void = { _ in }) throws -> Served {
    var options = OnnxOptions(path: folder.path)
    change(&options)
    return try Served(try OnnxModel(options, runtime: runtime()))
  }

  /// The encoder answers (id, id²/1000) for each id.
  private func vectors(_ served: Served, _ ids: [Double]) throws -> [Double] {
    let reply = try served.ask(inputs(tensor("input_ids", "INT64", [1, ids.count], ids)))
    return try #require(reply["last_hidden_state"], "\(reply.error ?? "")").numbers
  }

  private func near(_ one: [Double], _ other: [Double]) -> Bool { one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($1)) } }

  // MARK: Where files lie

  @Test func aFileInTheOnnxFolderBelow() throws {
    let folder = try Folder()
    try folder.write("onnx/model.onnx", .linear())
    try folder.write("onnx/model_quantized.onnx", .linear())
    try folder.write("config.json", #"{"vocab_size":100}"#)
    let found = try ModelFolder(folder.path)
    #expect(found.file == folder.path + "/onnx/model.onnx" && found.name == folder.path.split(separator: "/").last!)
    #expect(found.place(of: "config.json") == folder.path)
    let named = try ModelFolder(folder.path + "/onnx/model_quantized.onnx")
    #expect(named.name == found.name && named.place(of: "config.json") == folder.path)
  }

  @Test func theOnlyFileIsTaken() throws {
    let folder = try Folder()
    try folder.write("detector.onnx", .linear())
    #expect(try ModelFolder(folder.path + "/").file == folder.path + "/detector.onnx")
    try folder.write("other.onnx", .linear())
    let error = #expect(throws: ConfigurationError.self) { try ModelFolder(folder.path) }
    #expect(error?.problem.contains("detector.onnx, other.onnx") == true)
  }

  @Test func weightsThatAreNoONNXAreNamed() throws {
    let folder = try Folder(["model.safetensors": Data()])
    let named = try #require(throws: ConfigurationError.self) { try ModelFolder(folder.path) }
    #expect(named.problem.contains("there is no ONNX file") && named.problem.contains("model.safetensors") && named.fix.contains("export"))
  }

  // MARK: Pooling

  static let pooled: [(config: String, truth: @Sendable ([Double]) -> [Double])] = [
    (#"{"pooling_mode_cls_token":true}"#, { [$0[0]] }),
    (#"{"pooling_mode_mean_tokens":true}"#, { [$0.reduce(0, +) / Double($0.count)] }),
    (#"{"pooling_mode_max_tokens":true}"#, { [$0.max()!] }),
    (#"{"pooling_mode_lasttoken":true}"#, { [$0.last!] }),
    (#"{"pooling_mode_mean_sqrt_len_tokens":true}"#, { [$0.reduce(0, +) / Double($0.count).squareRoot()] }),
    (#"{"pooling_mode_weightedmean_tokens":true}"#, { ids in [ids.enumerated().reduce(0) { $0 + Double($1.offset + 1) * $1.element } / Double(ids.count * (ids.count + 1) / 2)] }),
    (#"{"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":true}"#, { [$0[0], $0.reduce(0, +) / Double($0.count)] }),
    (#"{"pooling_mode":"lasttoken","embedding_dimension":2}"#, { [$0.last!] }),
    (#"{"pooling_mode":["mean","max"]}"#, { [$0.reduce(0, +) / Double($0.count), $0.max()!] }),
    ("{}", { [$0.reduce(0, +) / Double($0.count)] }),
  ]

  @Test(arguments: pooled.indices, [true, false]) func poolingAsTheFolderSays(_ index: Int, _ isNew: Bool) throws {
    let folder = try Folder()
    try folder.write("model.onnx", .encoder())
    let types = isNew ? ["sentence_transformers.base.modules.transformer.Transformer", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"] : ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"]
    try folder.write("modules.json", Self.modules(types))
    try folder.write("1_Pooling/config.json", Self.pooled[index].config)
    let served = try served(folder)
    // In company of a longer one.
    let rows: [[Double]] = [[7, 3, 20], [1, 2, 3, 4, 5, 6, 7, 8]]
    let replies = try served.ask(rows.map { inputs(tensor("input_ids", "INT64", [1, $0.count], $0)) })
    #expect(served.batches == [2])
    for (row, reply) in zip(rows, replies) {
      let first = stride(from: 0, to: reply["last_hidden_state"]!.numbers.count, by: 2).map { reply["last_hidden_state"]!.numbers[$0] }
      #expect(near(first, Self.pooled[index].truth(row)), "\(first)")
    }
  }

  @Test func modulesAfterPooling() throws {
    let folder = try Folder()
    try folder.write("model.onnx", .encoder())
    try folder.write("modules.json", Self.modules(["models.Transformer", "models.Pooling", "models.Dense", "models.Dropout", "models.LayerNorm", "models.Normalize"]))
    try folder.write("1_Pooling/config.json", #"{"pooling_mode_mean_tokens":true}"#)
    try folder.write("2_Dense/config.json", #"{"in_features":2,"out_features":3,"bias":true,"activation_function":"torch.nn.modules.activation.Tanh"}"#)
    try folder.write("2_Dense/model.safetensors", Self.safetensors([("linear.weight", [3, 2], [0.1, 0.2, -0.1, 0.3, 0.05, 0]), ("linear.bias", [3], [0, 0.5, -0.5])]))
    try folder.write("4_LayerNorm/config.json", #"{"dimension":3}"#)
    try folder.write("4_LayerNorm/model.safetensors", Self.safetensors([("norm.weight", [3], [1, 2, 1]), ("norm.bias", [3], [0, 0, 1])]))
    let served = try served(folder)
    // The mean of (1, 0.001) and (3, 0.009), and what the layers make of it.
    let (x, y) = (2.0, 0.005)
    let dense: [Double] = [tanh(0.1 * x + 0.2 * y), tanh(-0.1 * x + 0.3 * y + 0.5), tanh(0.05 * x - 0.5)]
    let mean: Double = dense.reduce(0, +) / 3
    let variance: Double = dense.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 3
    let scale: Double = 1 / (variance + 1e-5).squareRoot()
    let normed: [Double] = [(dense[0] - mean) * scale, (dense[1] - mean) * scale * 2, (dense[2] - mean) * scale + 1]
    let size: Double = normed.map { $0 * $0 }.reduce(0, +).squareRoot()
    #expect(near(try vectors(served, [1, 3]), normed.map { $0 / size }))
    #expect(ModelReport(served.model).lines.contains("after    mean pooling, dense 2 to 3, Tanh, layer norm, normalised"))
    // What is set counts for more than the folder.
    #expect(try vectors(try self.served(folder) { $0.pooling = .none }, [1, 3]) == [1, 0.001, 3, 0.009])
  }

  @Test func whatIsNotDoneIsRefusedByName() throws {
    func problem(_ types: [String], _ files: [String: String] = [:]) throws -> String {
      let folder = try Folder()
      try folder.write("model.onnx", .encoder())
      try folder.write("modules.json", Self.modules(types))
      for (name, text) in files { try folder.write(name, text) }
      do {
        _ = try served(folder)
        return ""
      } catch { return "\(error)" }
    }
    let pooling = ["1_Pooling/config.json": #"{"pooling_mode_mean_tokens":true}"#]
    #expect(try problem(["models.Transformer", "models.Pooling", "models.WordWeights"], pooling).contains("WordWeights"))
    #expect(try problem(["models.Transformer", "models.Pooling"], ["1_Pooling/config.json": #"{"pooling_mode":"median"}"#]).contains("median"))
    #expect(try problem(["models.Transformer", "models.Pooling"]).contains("is missing, though modules.json names it"))
    #expect(try problem(["models.Transformer", "models.Pooling", "models.Dense"], pooling.merging(["2_Dense/config.json": #"{"in_features":2,"out_features":2,"activation_function":"my.Thing"}"#, "2_Dense/model.safetensors": "x"]) { $1 }).contains("safetensors"))
    #expect(try problem(["models.Transformer", "models.Pooling", "models.Dense"], pooling.merging(["2_Dense/config.json": "{}", "2_Dense/pytorch_model.bin": ""]) { $1 }).contains("pickle"))
    #expect(try problem(["models.Transformer", "models.Pooling", "models.Normalize"], pooling.merging(["2_Normalize/config.json": #"{"module_input_name":"token_embeddings"}"#]) { $1 }).contains("token_embeddings"))
    #expect(try problem(["models.Transformer", "models.Pooling"], ["1_Pooling/config.json": "{"]).contains("is not JSON"))
  }

  /// The graph pools by itself: the folder's pooling is not done twice.
  @Test func aGraphThatPoolsByItself() throws {
    let folder = try Folder()
    try folder.write("model.onnx", .linear())
    try folder.write("modules.json", Self.modules(["models.Transformer", "models.Pooling", "models.Normalize"]))
    try folder.write("1_Pooling/config.json", #"{"pooling_mode_mean_tokens":true}"#)
    let reply = try served(folder).ask(inputs(tensor("x", "FP32", [1, 4], [0, 0, 1, 0])))
    #expect(near(reply["y"]!.numbers, [1, 1, 3, 1].map { $0 / 12.0.squareRoot() }))
  }

  // MARK: Prompts

  /// A letter an id; a text's first id is 1, its last one 2.
  struct Letters: TextEncoder {
    var maxLength: Int { 64 }
    func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
      tokens.removeAll()
      tokens.ids = [1] + text.map { Int64($0) - 90 } + [2]
      if tokens.wantsPlaces { tokens.places = [.init(start: 0, end: 0)] + text.indices.map { .init(start: Int32($0), end: Int32($0) + 1) } + [.init(start: 0, end: 0)] }
    }
  }

  @Test(arguments: [true, false]) func promptsAreSetBefore(_ isIncluded: Bool) throws {
    let folder = try Folder()
    try folder.write("model.onnx", .encoder())
    try folder.write("modules.json", Self.modules(["models.Transformer", "models.Pooling"]))
    try folder.write("1_Pooling/config.json", #"{"pooling_mode_mean_tokens":true,"include_prompt":\#(isIncluded)}"#)
    try folder.write("config_sentence_transformers.json", #"{"prompts":{"query":"ab","other":"c"},"default_prompt_name":"query"}"#)
    func mean(_ prompt: OnnxOptions.Prompt, _ text: String) throws -> Double {
      var options = OnnxOptions(path: folder.path)
      options.prompt = prompt
      let served = try Served(try OnnxModel(options, runtime: runtime(), text: Letters()), format: .text)
      return try #require(try served.ask(text)["last_hidden_state"]).numbers[0]
    }
    // a is 7, b 8, c 9, d 10.
    #expect(abs(try mean(.asFolder, "d") - (isIncluded ? (1.0 + 7 + 8 + 10 + 2) / 5 : (10.0 + 2) / 2)) < 1e-6)
    #expect(abs(try mean(.named("other"), "d") - (isIncluded ? (1.0 + 9 + 10 + 2) / 4 : (10.0 + 2) / 2)) < 1e-6)
    #expect(abs(try mean(.none, "d") - (1.0 + 10 + 2) / 3) < 1e-6)
    #expect(abs(try mean(.text("cc"), "d") - (isIncluded ? (1.0 + 9 + 9 + 10 + 2) / 5 : (10.0 + 2) / 2)) < 1e-6)
    let error = #expect(throws: ConfigurationError.self) { try mean(.named("document"), "d") }
    #expect(error?.fix.contains("query, other") == true)
  }

  // MARK: Safetensors

  @Test func numbersOfEveryType() throws {
    func file(_ type: String, _ bytes: [UInt8]) -> Data {
      let text = Data(#"{"__metadata__":{"format":"pt"},"x":{"dtype":"\#(type)","shape":[2],"data_offsets":[0,\#(bytes.count)]}}"#.utf8)
      return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + Data(bytes)
    }
    let folder = try Folder(["h": file("F16", [0, 0x3C, 0, 0xC0]), "b": file("BF16", [0x80, 0x3F, 0, 0xC0]), "d": file("F64", [0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0xC0]), "i": file("I64", Array(repeating: 0, count: 16))])
    for name in ["h", "b", "d"] { #expect(try Safetensors("\(folder.path)/\(name)").tensor("x", shape: [2]) == [1, -2]) }
    #expect(throws: ConfigurationError.self) { try Safetensors("\(folder.path)/i").tensor("x", shape: [2]) }
    #expect(throws: ConfigurationError.self) { try Safetensors("\(folder.path)/h").tensor("x", shape: [1, 2]) }
    #expect(throws: ConfigurationError.self) { try Safetensors("\(folder.path)/h").tensor("y", shape: [2]) }
    try folder.write("cut", file("F16", [0, 0x3C]).dropLast())
    #expect(throws: ConfigurationError.self) { try Safetensors("\(folder.path)/cut").tensor("x", shape: [2]) }
  }
}
