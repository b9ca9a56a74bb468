import Glibc

/// A request as it goes to a child: everything that a run and its reply need, without the record.
struct RequestMessage {
  /// One input that a request carries.
  private struct Tensor {
    var bytes: Int
    var length: Int
    var lengths: Int
    var extents: Int
  }

  // MARK: The worker's side

  /// - Parameter inputs: of the signature.
  static func header(_ request: Request, _ inputs: [TensorSpec]) -> [Int64] {
    var words: [Int64] = [Int64(request.rows), Int64(request.length), Int64(request.byteCount), request.replyFormat == .raw ? 1 : 0]
    words.append(request.id.baseAddress == nil ? -1 : Int64(request.id.count))
    words.append(request.outputs.baseAddress == nil ? -1 : Int64(request.outputs.count))
    for (index, spec) in inputs.enumerated() {
      let tensor = request.tensor(index)
      words.append(tensor.data == nil ? -1 : Int64(tensor.byteCount))
      words += [Int64(tensor.length), tensor.lengths == nil ? 0 : Int64(request.rows), tensor.extents == nil ? 0 : Int64(spec.shape.count)]
    }
    return words
  }

  static func send(_ request: Request, _ inputs: [TensorSpec], _ channel: Channel, until deadline: Nanoseconds) throws(Channel.Failure) {
    if request.id.baseAddress != nil { try channel.send(request.id, until: deadline) }
    if request.outputs.baseAddress != nil { try channel.send(UnsafeRawBufferPointer(request.outputs), until: deadline) }
    for (index, spec) in inputs.enumerated() {
      let tensor = request.tensor(index)
      guard tensor.data != nil else { continue }
      if let lengths = tensor.lengths { try channel.send(UnsafeRawBufferPointer(start: lengths, count: Int(request.rows) * 4), until: deadline) }
      if let extents = tensor.extents { try channel.send(UnsafeRawBufferPointer(start: extents, count: spec.shape.count * 4), until: deadline) }
      try channel.send(tensor.bytes, until: deadline)
    }
  }

  // MARK: The child's side

  private let rows, length, byteCount: Int
  private let replyFormat: ReplyFormat
  private let id, outputs: Int
  private let tensors: [Tensor]

  init(_ words: inout RunMessage.Reader, _ inputs: [TensorSpec]) throws(Channel.Failure) {
    rows = try words.next(1...Int64(Int32.max))
    length = try words.next(0...Int64(Int32.max))
    byteCount = try words.next()
    replyFormat = try words.next(0...1) == 1 ? .raw : .json
    id = try words.next(-1...RunMessage.longestText)
    outputs = try words.next(-1...65_535)
    var tensors: [Tensor] = []
    for spec in inputs {
      let tensor = Tensor(bytes: try words.next(-1...(1 << 40)), length: try words.next(), lengths: try words.next(), extents: try words.next())
      guard tensor.lengths == 0 || tensor.lengths == rows, tensor.extents == 0 || tensor.extents == spec.shape.count else { throw .garbled }
      tensors.append(tensor)
    }
    self.tensors = tensors
  }

  /// - Returns: where in the block so many bytes were received.
  private func take(_ count: Int, _ channel: Channel, _ block: inout RequestBlock) throws(Channel.Failure) -> Int {
    let offset = block.append(count)
    try channel.receive(into: UnsafeMutableRawBufferPointer(start: block.at(offset), count: count))
    return offset
  }

  /// Receives what the numbers announced into one block of the request's own.
  func receive(_ channel: Channel) throws(Channel.Failure) -> Request {
    var block = RequestBlock()
    let idOffset = id < 0 ? nil : try take(id, channel, &block), outputsOffset = outputs < 0 ? nil : try take(outputs * 2, channel, &block)
    var places: [(data: Int, lengths: Int?, extents: Int?)] = []
    for tensor in tensors {
      guard tensor.bytes >= 0 else {
        places.append((-1, nil, nil))
        continue
      }
      let lengths = tensor.lengths == 0 ? nil : try take(tensor.lengths * 4, channel, &block), extents = tensor.extents == 0 ? nil : try take(tensor.extents * 4, channel, &block)
      places.append((try take(tensor.bytes, channel, &block), lengths, extents))
    }
    let table = block.append(tensors.count * MemoryLayout<RequestTensor>.stride)
    let memory = block.take()!
    let typed = (memory + table).bindMemory(to: RequestTensor.self, capacity: tensors.count)
    for (index, (tensor, place)) in zip(tensors, places).enumerated() {
      func words(_ offset: Int?) -> UnsafePointer<Int32>? { offset.map { UnsafePointer((memory + $0).assumingMemoryBound(to: Int32.self)) } }
      (typed + index).initialize(to: place.data < 0 ? .absent : RequestTensor(
        data: UnsafeRawPointer(memory + place.data), byteCount: tensor.bytes, length: Int32(clamping: tensor.length), lengths: words(place.lengths), extents: words(place.extents)))
    }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    let record = Record(ticket: Ticket(bits: 0), topic: 0, partition: 0, offset: 0, timestamp: -1, arrival: 0, key: nothing, value: nothing, headers: .none)
    var request = Request(record: record, rows: Int32(rows), length: Int32(length), byteCount: byteCount, tensors: UnsafePointer(typed), replyFormat: replyFormat, block: memory)
    if let idOffset { request.id = UnsafeRawBufferPointer(start: memory + idOffset, count: id) }
    if let outputsOffset { request.outputs = UnsafeBufferPointer(start: (memory + outputsOffset).assumingMemoryBound(to: UInt16.self), count: outputs) }
    return request
  }
}
