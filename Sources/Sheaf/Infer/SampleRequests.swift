import Glibc

/// Made-up rows that fit a contract, for warm-up and for `BatchCheck`: seeded, so that they are the same every time.
struct SampleRequests {
  let signature: Signature

  /// A request of one row. Integers are 1…99, which are ids in any vocabulary; floats are −1…1.
  /// - Parameter length: extent along pad axes. The caller frees the request with `release()`.
  func row(length: Int, seed: UInt64) -> Request {
    let specs = signature.inputs.filter { $0.source == .request }
    let counts = specs.map { spec in
      spec.shape.indices.reduce(1) { product, axis in
        if axis == spec.batchAxis { return product }
        if axis == spec.padAxis { return product * length }
        if case .fixed(let extent) = spec.shape[axis] { return product * extent }
        return product
      }
    }
    let header = MemoryLayout<RequestTensor>.stride * specs.count
    let total = zip(specs, counts).reduce(header) { $0 + ($1.0.type.size * $1.1 + 7) & ~7 }
    let block = malloc(total)!
    let tensors = block.bindMemory(to: RequestTensor.self, capacity: specs.count)
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    var data = block + header
    for (index, spec) in specs.enumerated() {
      let bytes = spec.type.size * counts[index]
      for element in 0..<counts[index] {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let random = Double(state >> 40) / Double(1 << 24)
        let isFloat = [.float16, .float32, .float64].contains(spec.type)
        let value = spec.type == .bool ? (random < 0.5 ? 0 : 1) : isFloat ? random * 2 - 1 : (1 + random * 98).rounded(.down)
        replicate(value, spec.type, data + element * spec.type.size, spec.type.size)
      }
      (tensors + index).initialize(to: RequestTensor(data: UnsafeRawPointer(data), byteCount: bytes, length: spec.padAxis == nil ? 1 : Int32(length)))
      data += (bytes + 7) & ~7
    }
    let record = Record(
      ticket: Ticket(bits: 0), topic: 0, partition: 0, offset: 0, timestamp: -1, arrival: 0, key: .init(start: nil, count: 0),
      value: .init(start: nil, count: 0), headers: .none)
    return Request(
      record: record, rows: 1, length: specs.contains { $0.padAxis != nil } ? Int32(length) : 1, byteCount: total - header, tensors: tensors, replyFormat: .raw,
      block: block)
  }
}
