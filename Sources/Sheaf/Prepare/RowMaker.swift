import Glibc

/// A made-up request of one row, with memory of its own.
package final class MadeUpRow {
  let request: Request
  /// Its own extent along the pad axis, or what its open axes multiply to.
  package let length: Int
  private let blocks: [UnsafeMutableRawPointer]

  /// - Parameters:
  ///   - tensors: one for each input of the signature; they lie in `blocks`, which are freed with the row.
  ///   - whole: what it is padded to in any case.
  init(tensors: [RequestTensor], length: Int, of whole: Int, blocks: [UnsafeMutableRawPointer]) {
    let table = malloc(max(1, tensors.count * MemoryLayout<RequestTensor>.stride))!
    let typed = table.bindMemory(to: RequestTensor.self, capacity: max(1, tensors.count))
    for (place, tensor) in tensors.enumerated() { (typed + place).initialize(to: tensor) }
    self.length = length
    self.blocks = blocks + [table]
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    let record = Record(ticket: Ticket(bits: 0), topic: 0, partition: 0, offset: 0, timestamp: -1, arrival: 0, key: nothing, value: nothing, headers: .none)
    request = Request(
      record: record, rows: 1, length: Int32(whole), byteCount: tensors.reduce(0) { $0 + $1.byteCount }, tensors: UnsafePointer(typed), replyFormat: .json, block: table)
  }

  deinit { for block in blocks { free(block) } }
}

/// Makes rows up that the model takes, as far as its signature's example says: for warm-up, checks and trials. The same seed gives the
/// same rows.
///
/// Floats are of several magnitudes, with some far beyond ±1: a model that scales by what its batch-mates hold shows it only then.
/// Integers are never 0, by which a model may divide.
struct RowMaker {
  private let signature: Signature
  private var random: SplitMix
  private var made = 0
  /// What all rows share, by input.
  private var shared: [Int: [UInt8]] = [:]

  init(_ signature: Signature, seed: UInt64 = 1) {
    self.signature = signature
    random = SplitMix(state: seed)
  }

  /// - Parameters:
  ///   - length: along the pad axis, 1 and more; where nothing is padded rows have the extents of the example.
  ///   - isExtreme: integers are all as large as they may be.
  mutating func row(length: Int, isExtreme: Bool = false) -> MadeUpRow {
    var tensors: [RequestTensor] = [], blocks: [UnsafeMutableRawPointer] = []
    let length = signature.isPadded ? length : signature.exampleLength
    for (index, spec) in signature.inputs.enumerated() {
      guard spec.source == .request else {
        tensors.append(.absent)
        continue
      }
      let extents = spec.rowExtents(length: length, signature.example), count = extents.reduce(1, *)
      let bytes: [UInt8]
      if spec.batchAxis == nil {
        bytes = shared[index] ?? sharedValue(spec, count) ?? values(spec, count, isExtreme)
        shared[index] = bytes
      } else {
        bytes = values(spec, count, isExtreme)
      }
      let block = malloc(max(1, bytes.count))!
      bytes.withUnsafeBytes { if let base = $0.baseAddress { memcpy(block, base, bytes.count) } }
      blocks.append(block)
      var tensor = RequestTensor(data: UnsafeRawPointer(block), byteCount: bytes.count, length: Int32(spec.padAxis.map { extents[$0] } ?? 1))
      if !spec.openAxes.isEmpty {
        let memory = malloc(extents.count * MemoryLayout<Int32>.stride)!
        let typed = memory.bindMemory(to: Int32.self, capacity: extents.count)
        for (axis, extent) in extents.enumerated() { typed[axis] = Int32(extent) }
        blocks.append(memory)
        tensor.extents = UnsafePointer(typed)
      }
      tensors.append(tensor)
    }
    made += 1
    return MadeUpRow(tensors: tensors, length: length, of: signature.fixedLength ?? length, blocks: blocks)
  }

  private func sharedValue(_ spec: TensorSpec, _ count: Int) -> [UInt8]? {
    guard let value = signature.example.sharedValue, spec.type.isInteger || spec.type == .bool else { return nil }
    return [UInt8](unsafeUninitializedCapacity: count * spec.type.size) { buffer, filled in
      if let base = buffer.baseAddress { replicate(Double(spec.type == .bool ? value & 1 : value), spec.type, base, count * spec.type.size) }
      filled = count * spec.type.size
    }
  }

  private mutating func values(_ spec: TensorSpec, _ count: Int, _ isExtreme: Bool) -> [UInt8] {
    let limit = UInt64(signature.example.limit(spec))
    // From 1 up to, and without, the limit.
    func whole(_ bits: UInt64, _ limit: UInt64) -> UInt64 { isExtreme ? limit - 1 : 1 + bits % (limit - 1) }
    switch spec.type {
    case .bytes: return BytesElements.encode((0..<count).map { _ in Array("\(RowMaker.words[Int(random.next() % UInt64(RowMaker.words.count))])".utf8) })
    case .bool: return fill(count, UInt8.self) { UInt8($0 & 1) }
    case .uint8, .int8: return fill(count, UInt8.self) { UInt8(whole($0, min(limit, 128))) }
    case .uint16, .int16: return fill(count, UInt16.self) { UInt16(whole($0, min(limit, 1 << 15))) }
    case .uint32, .int32: return fill(count, UInt32.self) { UInt32(whole($0, min(limit, 1 << 31))) }
    case .uint64, .int64: return fill(count, UInt64.self) { whole($0, limit) }
    case .float16: return floats(count, Float16.self)
    case .float32: return floats(count, Float.self)
    case .float64: return floats(count, Double.self)
    }
  }

  private static let words = ["a", "b", "c", "1", "2", "red", "blue", "word"]

  private mutating func floats<T: BinaryFloatingPoint & BitwiseCopyable>(_ count: Int, _: T.Type) -> [UInt8] {
    let magnitude = [1.0, 3.0, 0.5, 2.0][made % 4]
    let outlier = count > 4 ? Int(random.next() % UInt64(count)) : -1
    var place = -1
    return fill(count, T.self) { bits in
      place += 1
      let value = Double(bits >> 40) / Double(1 << 23) - 1
      return T(place == outlier ? 4 * magnitude : value * magnitude)
    }
  }

  private mutating func fill<T: BitwiseCopyable>(_ count: Int, _: T.Type, _ next: (UInt64) -> T) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count * MemoryLayout<T>.stride) { buffer, filled in
      for place in 0..<count { UnsafeMutableRawPointer(buffer.baseAddress!).storeBytes(of: next(random.next()), toByteOffset: place * MemoryLayout<T>.stride, as: T.self) }
      filled = count * MemoryLayout<T>.stride
    }
  }
}

extension TensorSpec {
  /// Extents of a tensor of one row, its batch axis included.
  func rowExtents(length: Int, _ example: RowExample) -> [Int] {
    shape.indices.map { axis in
      if axis == batchAxis { return 1 }
      if axis == padAxis { if case .fixed(let extent) = shape[axis] { return min(length, extent) } else { return length } }
      return example.extent(shape[axis])
    }
  }
}

/// A small generator with a seed, so that a check can be repeated (SplitMix64 of Steele, Lea and Flood).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
