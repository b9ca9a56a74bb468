import Foundation
import SheafONNX
@testable import SheafModels

/// A tensor of ONNX's test data: the message TensorProto of onnx.proto.
struct TensorFile {
  var name = ""
  var type = TensorType.float32
  var shape: [Int] = []
  /// Row-major, little-endian; of strings each behind its length.
  var bytes: [UInt8] = []

  /// `nil`: it is none, or of a type that is not known here.
  init?(_ path: String) {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    var strings: [[UInt8]] = [], numbers: [UInt64] = [], floats: [UInt8] = [], isKnown = false
    data.withUnsafeBytes { memory in
      var fields = ProtobufFields(memory)
      while let field = fields.next() {
        switch field.number {
        case 1: shape += field.bytes.baseAddress == nil ? [Int(field.integer)] : TensorFile.integers(field.bytes).map { Int(truncatingIfNeeded: $0) }
        case 2:
          guard let type = TensorType(rawValue: Int32(truncatingIfNeeded: field.integer)) else { return }
          self.type = type
          isKnown = true
        case 5, 7, 11: numbers += field.bytes.baseAddress == nil ? [field.integer] : TensorFile.integers(field.bytes)
        case 4, 10: floats += field.bytes
        case 6: strings.append(Array(field.bytes))
        case 8: name = field.text
        case 9: bytes = Array(field.bytes)
        default: break
        }
      }
      if fields.isBroken { isKnown = false }
    }
    guard isKnown else { return nil }
    if type == .string {
      bytes = strings.flatMap { text in withUnsafeBytes(of: UInt32(text.count).littleEndian) { Array($0) } + text }
    } else if bytes.isEmpty, !floats.isEmpty {
      bytes = floats
    } else if bytes.isEmpty, !numbers.isEmpty, let size = type.size {
      bytes = numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0.prefix(size)) } }
    }
    guard type == .string || type.size.map({ $0 * shape.reduce(1, *) == bytes.count }) ?? false else { return nil }
  }

  private static func integers(_ packed: UnsafeRawBufferPointer) -> [UInt64] {
    var values: [UInt64] = [], value: UInt64 = 0, shift: UInt64 = 0
    for byte in packed {
      value |= UInt64(byte & 0x7F) << shift
      shift += 7
      if byte < 0x80 {
        values.append(value)
        (value, shift) = (0, 0)
      }
    }
    return values
  }

  // MARK: As JSON

  /// Its elements as JSON has them; `nil`: a type that the protocol has not.
  func elements(reversed: Bool) -> [String]? {
    var elements: [String]
    func all<T: BitwiseCopyable>(_: T.Type, _ text: (T) -> String) -> [String] {
      bytes.withUnsafeBytes { memory in (0..<(bytes.count / MemoryLayout<T>.stride)).map { text(memory.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)) } }
    }
    switch type {
    case .bool: elements = all(UInt8.self) { $0 == 0 ? "false" : "true" }
    case .uint8: elements = all(UInt8.self) { "\($0)" }
    case .int8: elements = all(Int8.self) { "\($0)" }
    case .uint16: elements = all(UInt16.self) { "\($0)" }
    case .int16: elements = all(Int16.self) { "\($0)" }
    case .uint32: elements = all(UInt32.self) { "\($0)" }
    case .int32: elements = all(Int32.self) { "\($0)" }
    case .uint64: elements = all(UInt64.self) { "\($0)" }
    case .int64: elements = all(Int64.self) { "\($0)" }
    case .float16: elements = all(Float16.self) { TensorFile.number(Double($0), "\($0)") }
    case .float32: elements = all(Float.self) { TensorFile.number(Double($0), "\($0)") }
    case .float64: elements = all(Double.self) { TensorFile.number($0, "\($0)") }
    case .string:
      elements = bytes.withUnsafeBytes { memory in
        var texts: [String] = [], position = 0
        while position < memory.count {
          let length = Int(memory.loadUnaligned(fromByteOffset: position, as: UInt32.self))
          let text = try! JSONSerialization.data(withJSONObject: [String(decoding: memory[(position + 4)..<(position + 4 + length)], as: UTF8.self)])
          texts.append(String(decoding: text.dropFirst().dropLast(), as: UTF8.self))
          position += 4 + length
        }
        return texts
      }
    default: return nil
    }
    return reversed ? elements.reversed() : elements
  }

  private static func number(_ value: Double, _ text: String) -> String { value.isNaN ? "NaN" : value == .infinity ? "Infinity" : value == -.infinity ? "-Infinity" : text }

  /// Its elements as a reply's would be read.
  var numbers: [Double]? { type == .string ? nil : elements(reversed: false)?.map { $0 == "true" ? 1 : $0 == "false" ? 0 : Double($0) ?? .nan } }
}
