/// The books of a run: which request records were read, and what came back for each.
///
/// Knows no Kafka. A byte per request offset and some counters are all that is kept, whatever the number of records. Requests are
/// entered first, then what came back, each topic in the order of its partitions.
public struct Audit: Sendable {
  /// What settles a record that failed. (A reply settles one that did not.)
  public struct Requirements: Sendable {
    public var errorReply: Bool
    public var deadLetter: Bool

    public init(errorReply: Bool, deadLetter: Bool) {
      self.errorReply = errorReply
      self.deadLetter = deadLetter
    }
  }

  /// The request record that an outcome names. - `topic`: its place among the audit's.
  public struct RequestID: Sendable, Hashable {
    public var topic: Int
    public var partition: Int
    public var offset: Int64

    public init(topic: Int, partition: Int, offset: Int64) {
      self.topic = topic
      self.partition = partition
      self.offset = offset
    }
  }

  public let requirements: Requirements
  public let topics: [String]
  private var books: [[PartitionBook]]
  private var counts = AuditReport()

  /// - Parameter requests: the request topics, with the offsets of each partition that count: from its first to its present end.
  public init(_ requests: [(topic: String, offsets: [Range<Int64>])], requirements: Requirements) {
    self.requirements = requirements
    topics = requests.map(\.topic)
    books = requests.map { $0.offsets.map(PartitionBook.init) }
  }

  // MARK: Entries

  /// A request record was read. Offsets at which none was (transaction markers, compaction) are no records.
  public mutating func request(_ id: RequestID) {
    guard isKnown(id) else { return }
    if books[id.topic][id.partition].mark(.read, id.offset) { counts.records += 1 }
  }

  /// A reply was read.
  /// - Parameters:
  ///   - place: of the partition it was read from, among all partitions of all reply topics.
  ///   - code: the fault's, of an error reply.
  public mutating func reply(to id: RequestID, place: Int, code: String? = nil) {
    guard isRecord(id) else {
      counts.strays += 1
      return
    }
    let before = books[id.topic][id.partition].marks(id.offset)
    books[id.topic][id.partition].mark(code == nil ? .reply : .error, id.offset)
    if !before.isDisjoint(with: [.reply, .error]) {
      counts.duplicated += 1
      return
    }
    if let code { counts.codes[code, default: 0] += 1 }
    if books[id.topic][id.partition].isBehind(id.offset, place: place) { counts.reordered += 1 }
  }

  /// A dead letter was read.
  public mutating func deadLetter(of id: RequestID) {
    guard isRecord(id) else {
      counts.strays += 1
      return
    }
    if books[id.topic][id.partition].mark(.deadLetter, id.offset) { counts.deadLettered += 1 } else { counts.duplicated += 1 }
  }

  /// A reply or dead letter without the headers that name its request was read: another program's.
  public mutating func unlabelled() { counts.strays += 1 }

  // MARK: Names

  /// A request's id as replies carry it: `topic/partition/offset`; nil: none of this audit's.
  public func id(_ text: UnsafeRawBufferPointer) -> RequestID? {
    guard let second = text.lastIndex(of: UInt8(ascii: "/")), let first = text[..<second].lastIndex(of: UInt8(ascii: "/")) else { return nil }
    return id(topic: .init(rebasing: text[..<first]), partition: .init(rebasing: text[(first + 1)..<second]), offset: .init(rebasing: text[(second + 1)...]))
  }

  /// The same from its three parts, as dead letters carry them.
  public func id(topic: UnsafeRawBufferPointer, partition: UnsafeRawBufferPointer, offset: UnsafeRawBufferPointer) -> RequestID? {
    guard let partition = decimal(partition), let offset = decimal(offset) else { return nil }
    guard let place = topics.firstIndex(where: { $0.utf8.elementsEqual(topic) }) else { return nil }
    return RequestID(topic: place, partition: Int(partition), offset: offset)
  }

  private func isKnown(_ id: RequestID) -> Bool {
    books[id.topic].indices.contains(id.partition) && books[id.topic][id.partition].offsets.contains(id.offset)
  }

  private func isRecord(_ id: RequestID) -> Bool { isKnown(id) && books[id.topic][id.partition].marks(id.offset).contains(.read) }

  // MARK: Balance

  /// - Parameter committed: the group's committed offsets as they were before the first outcome was read.
  public func report(committed: [RequestID] = []) -> AuditReport {
    var report = counts
    for (topic, partitions) in books.enumerated() {
      for (partition, book) in partitions.enumerated() {
        let commit = committed.first { $0.topic == topic && $0.partition == partition }?.offset ?? -1
        for offset in book.offsets {
          let marks = book.marks(offset)
          guard marks.contains(.read) else { continue }
          if marks.contains(.reply) { report.answered += 1 } else if marks.contains(.error) { report.failed += 1 }
          if isSettled(marks) { continue }
          report.lost += 1
          if offset < commit { report.committedPast += 1 }
          if report.examples.count < AuditReport.exampleCount { report.examples.append("\(topics[topic])/\(partition)/\(offset)") }
        }
      }
    }
    return report
  }

  private func isSettled(_ marks: Marks) -> Bool {
    if marks.contains(.reply) { return true }
    if marks.isDisjoint(with: [.error, .deadLetter]) { return false }
    return (!requirements.errorReply || marks.contains(.error)) && (!requirements.deadLetter || marks.contains(.deadLetter))
  }
}

/// Decimal digits; nil: something else, or too large.
private func decimal(_ text: UnsafeRawBufferPointer) -> Int64? {
  guard (1...18).contains(text.count) else { return nil }
  var value: Int64 = 0
  for byte in text {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
    value = value * 10 + Int64(byte - UInt8(ascii: "0"))
  }
  return value
}
