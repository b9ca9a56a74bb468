import Foundation
import SheafONNX

/// Writes small ONNX files: the few protobuf messages they need, by field number (onnx.proto, IR version 9, opset 20).
struct TinyModel {
  private var nodes = Data()
  private var initializers = Data()
  private var inputs = Data()
  private var outputs = Data()
  private var entries = Data()

  /// - Parameter domain: of classical models `ai.onnx.ml`.
  mutating func node(
    _ op: String, _ inputs: [String], _ outputs: [String], ints: [String: Int] = [:], lists: [String: [Int]] = [:], floats: [String: [Float]] = [:], texts: [String: [String]] = [:], domain: String = ""
  ) {
    var message = Data()
    for name in inputs { message += TinyModel.field(1, name) }
    for name in outputs { message += TinyModel.field(2, name) }
    message += TinyModel.field(4, op)
    func attribute(_ name: String, _ type: Int, _ value: Data) { message += TinyModel.field(5, TinyModel.field(1, name) + value + TinyModel.field(20, type)) }
    for (name, value) in ints.sorted(by: { $0.key < $1.key }) { attribute(name, 2, TinyModel.field(3, value)) }
    for (name, values) in lists.sorted(by: { $0.key < $1.key }) { attribute(name, 7, values.reduce(Data()) { $0 + TinyModel.field(8, $1) }) }
    for (name, values) in floats.sorted(by: { $0.key < $1.key }) {
      attribute(name, 6, TinyModel.field(7, values.withUnsafeBytes { Data($0) }))
    }
    for (name, values) in texts.sorted(by: { $0.key < $1.key }) {
      if values.count == 1, name == "post_transform" || name == "norm" || name == "default_string" { attribute(name, 3, TinyModel.field(4, values[0])) } else { attribute(name, 8, values.reduce(Data()) { $0 + TinyModel.field(9, $1) }) }
    }
    message += TinyModel.field(7, domain)
    nodes += TinyModel.field(1, message)
  }

  mutating func constant(_ name: String, _ values: [Float], shape: [Int]) {
    initializer(name, .float32, shape, values.withUnsafeBytes { Data($0) })
  }

  mutating func constant(_ name: String, _ values: [Int64]) {
    initializer(name, .int64, [values.count], values.withUnsafeBytes { Data($0) })
  }

  mutating func scalar(_ name: String, _ value: Int64) { initializer(name, .int64, [], withUnsafeBytes(of: value) { Data($0) }) }
  mutating func scalar(_ name: String, _ value: Float) { initializer(name, .float32, [], withUnsafeBytes(of: value) { Data($0) }) }
  mutating func scalar(_ name: String, _ value: UInt8) { initializer(name, .uint8, [], Data([value])) }
  mutating func bytes(_ name: String, _ values: [UInt8], shape: [Int]) { initializer(name, .uint8, shape, Data(values)) }

  private mutating func initializer(_ name: String, _ type: TensorType, _ shape: [Int], _ bytes: Data) {
    let dims = shape.reduce(Data()) { $0 + TinyModel.field(1, $1) }
    initializers += TinyModel.field(5, dims + TinyModel.field(2, Int(type.rawValue)) + TinyModel.field(8, name) + TinyModel.field(9, bytes))
  }

  mutating func input(_ name: String, _ type: TensorType, _ shape: [Extent]) { inputs += TinyModel.field(11, TinyModel.info(name, type, shape)) }
  mutating func output(_ name: String, _ type: TensorType, _ shape: [Extent]) { outputs += TinyModel.field(12, TinyModel.info(name, type, shape)) }
  /// Without a shape.
  mutating func output(_ name: String, _ type: TensorType) {
    outputs += TinyModel.field(12, TinyModel.field(1, name) + TinyModel.field(2, TinyModel.field(1, TinyModel.field(1, Int(type.rawValue)))))
  }
  /// A sequence of maps from classes to floats, as ZipMap gives it.
  mutating func mapOutput(_ name: String, key: TensorType) {
    let value = TinyModel.field(1, TinyModel.field(1, Int(TensorType.float32.rawValue)))
    let map = TinyModel.field(5, TinyModel.field(1, Int(key.rawValue)) + TinyModel.field(2, value))
    outputs += TinyModel.field(12, TinyModel.field(1, name) + TinyModel.field(2, TinyModel.field(4, TinyModel.field(1, map))))
  }

  mutating func entry(_ key: String, _ value: String) { entries += TinyModel.field(14, TinyModel.field(1, key) + TinyModel.field(2, value)) }

  /// Writes the file into a folder of its own and returns its path.
  func write(_ name: String = "tiny") throws -> String {
    let graph = nodes + TinyModel.field(2, name) + initializers + inputs + outputs
    let opsets = [("", 20), ("ai.onnx.ml", 3)].reduce(Data()) { $0 + TinyModel.field(8, TinyModel.field(1, $1.0) + TinyModel.field(2, $1.1)) }
    let model = TinyModel.field(1, 9) + TinyModel.field(2, "tests") + TinyModel.field(7, graph) + opsets + entries
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sheaf-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent(name + ".onnx")
    try model.write(to: file)
    return file.path
  }

  private static func info(_ name: String, _ type: TensorType, _ shape: [Extent]) -> Data {
    let dims = shape.reduce(Data()) { data, extent in
      switch extent {
      case .fixed(let extent): data + field(1, field(1, extent))
      case .symbolic(""): data + field(1, Data())
      case .symbolic(let name): data + field(1, field(2, name))
      }
    }
    return field(1, name) + field(2, field(1, field(1, Int(type.rawValue)) + field(2, dims)))
  }

  private static func varint(_ value: Int) -> Data {
    var rest = UInt64(bitPattern: Int64(value))
    var data = Data()
    while rest > 127 {
      data.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    data.append(UInt8(rest))
    return data
  }
  private static func field(_ number: Int, _ value: Int) -> Data { varint(number << 3) + varint(value) }
  private static func field(_ number: Int, _ bytes: Data) -> Data { varint(number << 3 | 2) + varint(bytes.count) + bytes }
  private static func field(_ number: Int, _ text: String) -> Data { field(number, Data(text.utf8)) }
}

extension TinyModel {
  /// y = 2x + 1 on [batch, 4].
  static func linear(batch: Extent = .symbolic("batch"), type: TensorType = .float32) -> TinyModel {
    var model = TinyModel()
    model.constant("two", [2], shape: [1])
    model.constant("one", [1], shape: [1])
    model.input("x", type, [batch, .fixed(4)])
    if type == .float32 {
      model.node("Mul", ["x", "two"], ["x2"])
      model.node("Add", ["x2", "one"], ["y"])
      model.output("y", .float32, [batch, .fixed(4)])
    } else {
      model.node("Identity", ["x"], ["y"])
      model.output("y", type, [batch, .fixed(4)])
    }
    return model
  }

  /// sum = a + b, difference = a - b on [batch, 2].
  static func two() -> TinyModel {
    var model = TinyModel()
    for name in ["a", "b"] { model.input(name, .float32, [.symbolic("batch"), .fixed(2)]) }
    model.node("Add", ["a", "b"], ["sum"])
    model.node("Sub", ["a", "b"], ["difference"])
    for name in ["sum", "difference"] { model.output(name, .float32, [.symbolic("batch"), .fixed(2)]) }
    return model
  }

  /// y = x minus the mean over the batch: an answer that depends on the batch-mates.
  static func meddling() -> TinyModel {
    var model = TinyModel()
    model.constant("axes", [0])
    model.input("x", .float32, [.symbolic("batch"), .fixed(3)])
    model.node("ReduceMean", ["x", "axes"], ["mean"], ints: ["keepdims": 1])
    model.node("Sub", ["x", "mean"], ["y"])
    model.output("y", .float32, [.symbolic("batch"), .fixed(3)])
    return model
  }

  /// Looks up a vector (id, id²) for each id: last_hidden_state [batch, sequence, 2]. The mask and the types are declared, as text
  /// encoders do, and the mask is added to nothing.
  static func encoder(mask: Bool = true, unnamed: Bool = false) -> TinyModel {
    var model = TinyModel()
    let shape: [Extent] = unnamed ? [.symbolic(""), .symbolic("")] : [.symbolic("batch"), .symbolic("sequence")]
    model.constant("table", (0..<1000).flatMap { [Float($0), Float($0 * $0) / 1000] }, shape: [1000, 2])
    model.input("input_ids", .int64, shape)
    if mask {
      model.input("attention_mask", .int64, shape)
      model.input("token_type_ids", .int64, shape)
      model.node("Mul", ["attention_mask", "token_type_ids"], ["zero"])
      model.node("Add", ["input_ids", "zero"], ["ids"])
    } else {
      model.node("Identity", ["input_ids"], ["ids"])
    }
    model.node("Gather", ["table", "ids"], ["last_hidden_state"], ints: ["axis": 0])
    model.output("last_hidden_state", .float32, shape + [.fixed(2)])
    model.entry("max_sequence", "64")
    return model
  }

  /// Mean over the sequence without a mask: padding changes the answer.
  static func blindMean() -> TinyModel {
    var model = TinyModel()
    model.constant("axes", [1])
    model.input("x", .float32, [.symbolic("batch"), .symbolic("sequence")])
    model.node("ReduceMean", ["x", "axes"], ["y"], ints: ["keepdims": 1])
    model.output("y", .float32, [.symbolic("batch"), .fixed(1)])
    return model
  }
}
