/// What a worker and its child tell each other: some numbers, then the bytes they announce.
///
///     run      rows, length, inputs; for each: bytes, rank, extents          then the inputs' bytes
///     answer   verdict, text bytes, failures, outputs;                       then the text, the failures' reasons,
///              for each failure: row, bytes; for each output: bytes          the outputs' bytes
///              (-1: not given), rank, extents
enum RunMessage {
  /// What became of a run in the child.
  enum Verdict: Int64 { case ran, failed, unavailable, outOfMemory, lost }

  /// What the child says once its model is loaded.
  static let ready: [Int64] = [0x73686561, 1]

  /// Bytes of a text at most.
  static let longestText: Int64 = 1 << 24

  /// Bytes of a tensor whose extents came from the other side; nil: more than any batch has.
  static func byteCount(_ type: ElementType, _ shape: [Int]) -> Int? {
    var bytes = type.size
    for extent in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      if overflow || extent < 0 || product > 1 << 32 { return nil }
      bytes = product
    }
    return bytes
  }

  static func header(_ tensors: [ModelBatch.Tensor], _ byteCount: (Int) -> Int) -> [Int64] {
    var words: [Int64] = []
    for (index, tensor) in tensors.enumerated() {
      words.append(tensor.data == nil ? -1 : Int64(byteCount(index)))
      words.append(Int64(tensor.shape.count))
      words += tensor.shape.map { Int64($0) }
    }
    return words
  }

  /// Reads numbers one after another; what is missing or out of range is garbled.
  struct Reader {
    private var words: ArraySlice<Int64>
    init(_ words: [Int64]) { self.words = words[...] }

    mutating func next(_ range: ClosedRange<Int64> = 0...(1 << 40)) throws(Channel.Failure) -> Int {
      guard let word = words.popFirst(), range.contains(word) else { throw .garbled }
      return Int(word)
    }

    mutating func tensor() throws(Channel.Failure) -> (bytes: Int, shape: [Int]) {
      let bytes = try next(-1...(1 << 40)), rank = try next(0...64)
      var shape: [Int] = []
      for _ in 0..<rank { shape.append(try next()) }
      return (bytes, shape)
    }
  }
}

extension Channel {
  func receiveText(_ count: Int, until deadline: Nanoseconds? = nil) throws(Failure) -> String {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { bytes in Result { () throws(Failure) in try receive(into: bytes, until: deadline) } }.get()
    return String(decoding: bytes, as: UTF8.self)
  }

  func send(_ text: [UInt8]) throws(Failure) { try text.withUnsafeBytes { bytes in Result { () throws(Failure) in try send(bytes) } }.get() }
}
