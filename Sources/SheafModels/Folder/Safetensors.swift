import Glibc
import Sheaf

/// A file of tensors in the format of https://huggingface.co/docs/safetensors: eight bytes with the length of a JSON header, the header,
/// and the tensors' memory.
struct Safetensors {
  private let path: String
  private let bytes: [UInt8]
  private let header: FilePart
  private let start: Int

  init(_ path: String) throws(ConfigurationError) {
    func damaged(_ problem: String) -> ConfigurationError { ConfigurationError(key: "model", value: path, problem: problem, fix: "fetch or save the file again") }
    guard let bytes = readWhole(path) else { throw damaged("cannot be read: \(String(cString: strerror(errno)))") }
    guard bytes.count >= 8 else { throw damaged("is no safetensors file") }
    let length = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= UInt64(bytes.count - 8) else { throw damaged("is no safetensors file, or cut off") }
    header = try FilePart(bytes[8..<(8 + Int(length))], path: path)
    self.path = path
    self.bytes = bytes
    start = 8 + Int(length)
  }

  /// A tensor's numbers, row by row. - Throws: where there is none of this name and shape, or its numbers are no floats.
  func tensor(_ name: StaticString, shape: [Int]) throws(ConfigurationError) -> [Float] {
    guard let part = header[name] else { throw header.refused("", "has no tensor \(name)", fix: "save the model again") }
    guard let extents = part["shape"]?.node.array?.compactMap({ $0.int }), extents == shape else {
      throw part.refused("\(part["shape"]?.node.array?.compactMap { $0.int } ?? [])", "is not of the shape \(shape) that config.json says", fix: "save the model again")
    }
    let type = part["dtype"]?.node.string ?? "", count = shape.reduce(1, *)
    guard let size = ["F32": 4, "F16": 2, "BF16": 2, "F64": 8][type] else { throw part.refused(type, "is not a type of floats", fix: "save the model with float32 weights") }
    guard let ends = part["data_offsets"]?.node.array?.compactMap({ $0.int }), ends.count == 2, ends[0] >= 0, ends[1] >= ends[0], ends[1] <= bytes.count - start, ends[1] - ends[0] == count * size else {
      throw part.refused("", "lies outside of the file", fix: "fetch or save the file again")
    }
    return bytes.withUnsafeBytes { memory in
      (0..<count).map { index in
        let place = start + ends[0] + index * size
        return switch type {
        case "F32": Float(bitPattern: UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
        case "F64": Float(Double(bitPattern: UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: place, as: UInt64.self))))
        case "BF16": Float(bitPattern: UInt32(UInt16(littleEndian: memory.loadUnaligned(fromByteOffset: place, as: UInt16.self))) << 16)
        default: Float(Float16(bitPattern: UInt16(littleEndian: memory.loadUnaligned(fromByteOffset: place, as: UInt16.self))))
        }
      }
    }
  }
}

func readWhole(_ path: String) -> [UInt8]? {
  guard let file = fopen(path, "rb") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
  return bytes
}
