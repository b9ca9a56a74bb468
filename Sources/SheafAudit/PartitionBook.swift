/// What is known of one request record.
struct Marks: OptionSet, Sendable {
  var rawValue: UInt8
  /// The record itself was read.
  static let read = Marks(rawValue: 1)
  static let reply = Marks(rawValue: 2)
  static let error = Marks(rawValue: 4)
  static let deadLetter = Marks(rawValue: 8)
}

/// A byte for each offset of a request partition.
struct PartitionBook: Sendable {
  let offsets: Range<Int64>
  private var bytes: [UInt8]
  /// The furthest offset answered, for each place that replies were read from.
  private var furthest: [Int64] = []

  init(_ offsets: Range<Int64>) {
    self.offsets = offsets
    bytes = [UInt8](repeating: 0, count: offsets.count)
  }

  /// - Precondition: the offset is one of `offsets`, here and below.
  func marks(_ offset: Int64) -> Marks { Marks(rawValue: bytes[Int(offset - offsets.lowerBound)]) }

  /// - Returns: whether the mark is new.
  @discardableResult
  mutating func mark(_ mark: Marks, _ offset: Int64) -> Bool {
    let index = Int(offset - offsets.lowerBound)
    defer { bytes[index] |= mark.rawValue }
    return bytes[index] & mark.rawValue == 0
  }

  /// Notes where a record's first reply is; true: one to a later record came before it.
  mutating func isBehind(_ offset: Int64, place: Int) -> Bool {
    while furthest.count <= place { furthest.append(-1) }
    if offset < furthest[place] { return true }
    furthest[place] = offset
    return false
  }
}
