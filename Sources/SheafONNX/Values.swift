import COnnxRuntime
import Glibc

/// Values of ONNX Runtime that are not plain memory: strings, and maps.
extension Runtime {
  /// Type and shape of a tensor.
  func shape(of value: OpaquePointer, _ doing: String) throws(ONNXError) -> (type: TensorType, shape: [Int]) {
    var info: OpaquePointer?
    try api.check(api.GetTensorTypeAndShape(value, &info), doing)
    defer { api.ReleaseTensorTypeAndShapeInfo(info) }
    var code: Int32 = 0
    var rank = 0
    try api.check(api.GetTensorElementType(info, &code), doing)
    try api.check(api.GetDimensionsCount(info, &rank), doing)
    var extents = [Int64](repeating: 0, count: rank)
    try api.check(api.GetDimensions(info, &extents, rank), doing)
    guard let type = TensorType(rawValue: code) else { throw ONNXError(doing, "elements of an unsupported type") }
    return (type, extents.map { Int($0) })
  }

  /// A tensor of strings with a copy of these.
  func makeStrings(_ view: TensorView, _ extents: [Int64], _ doing: String) throws(ONNXError) -> OpaquePointer {
    var value: OpaquePointer?
    try api.check(api.CreateTensorAsOrtValue(allocator, extents, extents.count, TensorType.string.rawValue, &value), doing)
    guard let value else { throw ONNXError(doing, "no tensor") }
    var position = 0
    for index in 0..<view.shape.reduce(1, *) {
      guard position + 4 <= view.bytes.count, case let length = Int(UInt32(littleEndian: view.bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))), length <= view.bytes.count - position - 4
      else {
        api.ReleaseValue(value)
        throw ONNXError(doing, "\(view.bytes.count) bytes hold \(index) strings of \(view.shape.reduce(1, *))")
      }
      var buffer: UnsafeMutablePointer<CChar>?
      do { try api.check(api.GetResizedStringTensorElementBuffer(value, index, length, &buffer), doing) } catch {
        api.ReleaseValue(value)
        throw error
      }
      if let buffer, length > 0 { memcpy(buffer, view.bytes.baseAddress! + position + 4, length) }
      position += 4 + length
    }
    return value
  }

  /// The elements of a tensor of strings, each behind its length in four bytes, little-endian.
  func readStrings(_ value: OpaquePointer, count: Int, _ doing: String) throws(ONNXError) -> [UInt8] {
    guard count > 0 else { return [] }
    var length = 0
    try api.check(api.GetStringTensorDataLength(value, &length), doing)
    var text = [UInt8](repeating: 0, count: max(1, length)), offsets = [Int](repeating: 0, count: count)
    try api.check(api.GetStringTensorContent(value, &text, length, &offsets, count), doing)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(length + 4 * count)
    for index in 0..<count {
      let start = offsets[index], end = index + 1 < count ? offsets[index + 1] : length
      withUnsafeBytes(of: UInt32(end - start).littleEndian) { bytes += $0 }
      bytes += text[start..<end]
    }
    return bytes
  }

  /// A sequence of maps as one tensor, [maps, keys]. - Throws: where the maps do not have the same keys.
  func readMaps(_ sequence: OpaquePointer, _ doing: String) throws(ONNXError) -> (type: TensorType, shape: [Int], keys: [String], bytes: [UInt8]) {
    var count = 0
    try api.check(api.GetValueCount(sequence, &count), doing)
    var type = TensorType.float32, keys: [String] = [], bytes: [UInt8] = []
    for index in 0..<count {
      let map = try element(index, of: sequence, doing)
      defer { api.ReleaseValue(map) }
      let keyTensor = try element(0, of: map, doing)
      defer { api.ReleaseValue(keyTensor) }
      let values = try element(1, of: map, doing)
      defer { api.ReleaseValue(values) }
      let own = try readKeys(keyTensor, doing)
      if index == 0 { keys = own } else if own != keys { throw ONNXError(doing, "the maps of two rows have different keys: \(keys) and \(own)") }
      let (valueType, shape) = try shape(of: values, doing)
      guard valueType == .float32 || valueType == .float64, shape.reduce(1, *) == keys.count, let size = valueType.size else { throw ONNXError(doing, "maps to \(valueType) \(shape)") }
      type = valueType
      var data: UnsafeMutableRawPointer?
      try api.check(api.GetTensorMutableData(values, &data), doing)
      if let data { bytes += UnsafeRawBufferPointer(start: data, count: keys.count * size) }
    }
    return (type, [count, keys.count], keys, bytes)
  }

  private func element(_ index: Int, of value: OpaquePointer, _ doing: String) throws(ONNXError) -> OpaquePointer {
    var element: OpaquePointer?
    try api.check(api.GetValue(value, Int32(index), allocator, &element), doing)
    guard let element else { throw ONNXError(doing, "has no element \(index)") }
    return element
  }

  private func readKeys(_ tensor: OpaquePointer, _ doing: String) throws(ONNXError) -> [String] {
    let (type, shape) = try shape(of: tensor, doing), count = shape.reduce(1, *)
    if type == .string {
      let bytes = try readStrings(tensor, count: count, doing)
      return bytes.withUnsafeBytes { memory in
        var position = 0
        return (0..<count).map { _ in
          let length = Int(UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
          defer { position += 4 + length }
          return String(decoding: memory[(position + 4)..<(position + 4 + length)], as: UTF8.self)
        }
      }
    }
    guard type == .int64 else { throw ONNXError(doing, "maps with keys of \(type)") }
    var data: UnsafeMutableRawPointer?
    try api.check(api.GetTensorMutableData(tensor, &data), doing)
    return (0..<count).map { "\(data!.load(fromByteOffset: $0 * 8, as: Int64.self))" }
  }
}
