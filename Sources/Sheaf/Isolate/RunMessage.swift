/// What a worker and its child tell each other: some numbers, then the bytes they announce.
///
///     order    what, length, most rows and tokens of a run, requests;              then each request's id, outputs, and
///              for each: rows, length, bytes, reply format, bytes of its id         of its tensors lengths, extents, elements
///              (-1: none), outputs (-1: all); for each input: bytes (-1: not
///              carried), length, lengths, extents
///     answer   verdict, row, bytes of its text, failed, bytes of the first           then the text, the first failure,
///              failure, runs, replies; for each run: rows, length, padding,          the replies
///              time; for each reply: kind, bytes
enum RunMessage {
  /// What the child is to do.
  enum Order: Int64 {
    case run
    /// A made-up row of a length.
    case example
    /// Look which row of the only request fails.
    case findFailingRow
  }

  /// What became of it.
  enum Verdict: Int64 { case ran, failed, unavailable, outOfMemory, lost }

  /// A reply: encoded, encoded with a NaN in it, or the reason why the model failed it.
  enum ReplyKind: Int64 { case value, valueWithNaN, failed }

  /// What the child says once its model is loaded.
  static let ready: [Int64] = [0x73686561, 2]

  /// Bytes of a text at most, and of a reply.
  static let longestText: Int64 = 1 << 24
  static let longestReply: Int64 = 1 << 31

  /// Reads numbers one after another; what is missing or out of range is garbled.
  struct Reader {
    private var words: ArraySlice<Int64>
    init(_ words: [Int64]) { self.words = words[...] }

    mutating func next(_ range: ClosedRange<Int64> = 0...(1 << 40)) throws(Channel.Failure) -> Int {
      guard let word = words.popFirst(), range.contains(word) else { throw .garbled }
      return Int(word)
    }
  }
}

extension Channel {
  func receiveBytes(_ count: Int, until deadline: Nanoseconds? = nil) throws(Failure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { bytes in Result { () throws(Failure) in try receive(into: bytes, until: deadline) } }.get()
    return bytes
  }

  func receiveText(_ count: Int, until deadline: Nanoseconds? = nil) throws(Failure) -> String {
    String(decoding: try receiveBytes(count, until: deadline), as: UTF8.self)
  }

  func send(_ bytes: [UInt8], until deadline: Nanoseconds? = nil) throws(Failure) {
    try bytes.withUnsafeBytes { bytes in Result { () throws(Failure) in try send(bytes, until: deadline) } }.get()
  }
}
