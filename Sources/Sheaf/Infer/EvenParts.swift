import Glibc

/// A request whose rows differ in an extent that nothing may pad, as requests of rows of one extent each: rows that follow one another
/// stay together. They point into the request's memory.
final class EvenParts {
  private(set) var requests: [Request] = []
  private var blocks: [UnsafeMutableRawPointer] = []

  /// Whether a request's rows cannot run together.
  static func areNeeded(_ request: Request, _ signature: Signature) -> Bool {
    signature.inputs.indices.contains { signature.inputs[$0].padAxis == nil && request.tensor($0).lengths != nil }
  }

  /// - Throws: where an input's rows do not lie one after another.
  init(_ request: Request, _ signature: Signature) throws(BatchFault) {
    guard let lengths = signature.inputs.indices.lazy.compactMap({ request.tensor($0).lengths }).first else { return }
    var first = 0, before = 0
    while first < Int(request.rows) {
      let length = Int(lengths[first])
      var count = 1
      while first + count < Int(request.rows), Int(lengths[first + count]) == length { count += 1 }
      try append(request, signature, first, count, length, before)
      first += count
      before += count * length
    }
  }

  deinit { for block in blocks { free(block) } }

  /// - Parameter before: elements of the rows before these, along the extent in which they differ.
  private func append(_ request: Request, _ signature: Signature, _ first: Int, _ rows: Int, _ length: Int, _ before: Int) throws(BatchFault) {
    var tensors: [RequestTensor] = []
    for (index, spec) in signature.inputs.enumerated() {
      var tensor = request.tensor(index)
      defer { tensors.append(tensor) }
      guard let data = tensor.data, spec.batchAxis != nil else { continue }
      guard spec.batchAxis == 0, spec.type != .bytes else { throw BatchFault("rows of \(spec.name) differ in length, and it cannot be run in parts") }
      if let lengths = tensor.lengths {
        let all = (0..<Int(request.rows)).reduce(0) { $0 + Int(lengths[$1]) }, unit = all == 0 ? 0 : tensor.byteCount / all
        tensor.data = data + before * unit
        tensor.byteCount = rows * length * unit
        tensor.lengths = nil
        tensor.extents = extents(tensor.extents, spec.shape.count, rows, length)
        tensor.length = Int32(length)
      } else {
        let perRow = tensor.byteCount / Int(request.rows)
        tensor.data = data + first * perRow
        tensor.byteCount = rows * perRow
      }
    }
    let table = malloc(max(1, tensors.count * MemoryLayout<RequestTensor>.stride))!
    blocks.append(table)
    let typed = table.bindMemory(to: RequestTensor.self, capacity: max(1, tensors.count))
    for (place, tensor) in tensors.enumerated() { (typed + place).initialize(to: tensor) }
    var part = Request(
      record: request.record, rows: Int32(rows), length: Int32(length), byteCount: tensors.reduce(0) { $0 + $1.byteCount }, tensors: UnsafePointer(typed),
      replyFormat: request.replyFormat, block: table)
    part.block = nil
    requests.append(part)
  }

  /// Of the axis behind the rows, in which they differ.
  private func extents(_ whole: UnsafePointer<Int32>?, _ rank: Int, _ rows: Int, _ length: Int) -> UnsafePointer<Int32>? {
    guard let whole, rank > 1 else { return whole }
    let block = malloc(rank * MemoryLayout<Int32>.stride)!
    blocks.append(block)
    let own = block.bindMemory(to: Int32.self, capacity: rank)
    for axis in 0..<rank { own[axis] = whole[axis] }
    (own[0], own[1]) = (Int32(rows), Int32(length))
    return UnsafePointer(own)
  }
}
