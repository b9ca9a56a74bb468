/// Writes small ONNX files (protobuf by hand: a few fields of a few messages), so that tests need no files from elsewhere.
struct OnnxFile {
  enum ElementType: UInt64 { case float = 1, uint8 = 2, int64 = 7, string = 8 }
  enum Extent: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case fixed(Int), named(String)
    init(integerLiteral value: Int) { self = .fixed(value) }
    init(stringLiteral value: String) { self = .named(value) }
  }

  private var graph: [UInt8] = []

  mutating func input(_ name: String, _ type: ElementType, _ shape: [Extent]) { graph += field(11, value(name, type, shape)) }
  mutating func output(_ name: String, _ type: ElementType, _ shape: [Extent]) { graph += field(12, value(name, type, shape)) }

  mutating func node(_ op: String, _ inputs: [String], _ outputs: [String], ints: [String: Int] = [:]) {
    var node: [UInt8] = []
    for name in inputs { node += field(1, Array(name.utf8)) }
    for name in outputs { node += field(2, Array(name.utf8)) }
    node += field(4, Array(op.utf8))
    for (name, value) in ints { node += field(5, field(1, Array(name.utf8)) + number(3, UInt64(value)) + number(20, 2)) }
    graph += field(1, node)
  }

  mutating func floats(_ name: String, _ shape: [Int], _ values: [Float]) {
    let raw = values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } }
    graph += field(5, shape.flatMap { number(1, UInt64($0)) } + number(2, 1) + field(8, Array(name.utf8)) + field(9, raw))
  }

  mutating func ints(_ name: String, _ values: [Int]) {
    let raw = values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    graph += field(5, number(1, UInt64(values.count)) + number(2, 7) + field(8, Array(name.utf8)) + field(9, raw))
  }

  /// The file: IR version 8, operator set 18.
  var bytes: [UInt8] {
    number(1, 8) + field(2, Array("sheaf tests".utf8)) + field(7, graph + field(2, Array("g".utf8))) + field(8, field(1, []) + number(2, 18))
      + field(14, field(1, Array("purpose".utf8)) + field(2, Array("a test".utf8)))
  }

  private func value(_ name: String, _ type: ElementType, _ shape: [Extent]) -> [UInt8] {
    let extents = shape.flatMap { extent in
      switch extent {
      case .fixed(let fixed): field(1, number(1, UInt64(fixed)))
      case .named(let name): field(1, field(2, Array(name.utf8)))
      }
    }
    return field(1, Array(name.utf8)) + field(2, field(1, number(1, type.rawValue) + field(2, extents)))
  }

  private func varint(_ value: UInt64) -> [UInt8] {
    var value = value, bytes: [UInt8] = []
    while value > 127 {
      bytes.append(UInt8(value & 127) | 128)
      value >>= 7
    }
    return bytes + [UInt8(value)]
  }
  private func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { varint(field << 3) + varint(value) }
  private func field(_ field: UInt64, _ bytes: [UInt8]) -> [UInt8] { varint(field << 3 | 2) + varint(UInt64(bytes.count)) + bytes }
}
