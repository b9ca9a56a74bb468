/// Which records of one assignment of a partition are inside the worker, and how far the group may be told that it is done.
///
/// Pure. Records get sequence numbers in the order of `receive`; they come back in any order, settled (their outcomes are
/// acknowledged) or released (given up unsettled, at a drain). The committable offset is the lowest unsettled one, so a commit
/// never skips.
struct OffsetTracker: ~Copyable {
  struct Entry {
    var offset: Int64
    /// What the source keeps for the record until its ticket comes back.
    var kept: UInt
    var bytes: Int32
    /// Outcomes still to be acknowledged.
    var pending: UInt8
    var state: State
  }
  enum State: UInt8 { case inside, settled, released }

  /// What came back with a ticket.
  struct Returned: Equatable {
    var kept: UInt
    var bytes: Int
  }

  private var entries = Ring<Entry>(minimumCapacity: 1024)
  /// Sequence number of the first entry.
  private var first: UInt32 = 0
  /// The offset after the last record received: where reading goes on.
  private(set) var position: Int64
  /// Records whose tickets have not come back.
  private(set) var outstanding = 0
  /// Their bytes.
  private(set) var bytes = 0
  /// Once a record was released, nothing from it on may be committed, even if later records are settled.
  private var firstReleased: Int64?

  /// - Parameter position: the offset at which reading begins.
  init(position: Int64) { self.position = position }

  /// Records from the lowest unsettled to the newest.
  var span: Int { entries.count }

  /// What may be committed: the lowest unsettled offset, or the position where none is unsettled.
  var committable: Int64 {
    if let firstReleased { return entries.isEmpty ? firstReleased : min(firstReleased, entries[0].offset) }
    return entries.isEmpty ? position : entries[0].offset
  }

  /// Takes note of a record. - Returns: its sequence number.
  mutating func receive(offset: Int64, kept: UInt, bytes: Int) -> UInt32 {
    let sequence = first &+ UInt32(truncatingIfNeeded: entries.count)
    entries.append(Entry(offset: offset, kept: kept, bytes: Int32(clamping: bytes), pending: 1, state: .inside))
    outstanding += 1
    self.bytes += Int(entries[entries.count - 1].bytes)
    position = max(position, offset + 1)  // The end of the partition may have been told before.
    return sequence
  }

  /// Reading has passed an offset without a record (compaction, a transaction's marker, the end of the partition).
  mutating func advance(to offset: Int64) { position = max(position, offset) }

  /// Where reading goes on behind a record whose ticket is out.
  func next(after sequence: UInt32) -> Int64 {
    let index = index(sequence) + 1
    return index < entries.count ? entries[index].offset : position
  }

  /// What is kept for a record whose ticket is out.
  func kept(_ sequence: UInt32) -> UInt { entries[index(sequence)].kept }

  /// A record needs so many outcomes acknowledged, instead of one. Called before the first of them is sent.
  mutating func require(_ outcomes: UInt8, _ sequence: UInt32) { entries[index(sequence)].pending = outcomes }

  /// One outcome of a record is acknowledged. - Returns: what was kept, once it was the last.
  mutating func settle(_ sequence: UInt32) -> Returned? {
    let index = index(sequence)
    entries[index].pending -= 1
    guard entries[index].pending == 0 else { return nil }
    return giveBack(index, .settled)
  }

  /// A record is given up unsettled; nothing from it on will be committed any more.
  mutating func release(_ sequence: UInt32) -> Returned {
    let index = index(sequence)
    let offset = entries[index].offset
    firstReleased = min(firstReleased ?? offset, offset)
    return giveBack(index, .released)
  }

  /// What is kept for every record whose ticket is still out.
  func forEachInside(_ body: (UInt) -> Void) {
    for index in 0..<entries.count where entries[index].state == .inside { body(entries[index].kept) }
  }

  private mutating func giveBack(_ index: Int, _ state: State) -> Returned {
    let entry = entries[index]
    precondition(entry.state == .inside, "a ticket came back twice")
    entries[index].state = state
    outstanding -= 1
    bytes -= Int(entry.bytes)
    while !entries.isEmpty, entries[0].state != .inside {
      _ = entries.removeFirst()
      first &+= 1
    }
    return Returned(kept: entry.kept, bytes: Int(entry.bytes))
  }

  private func index(_ sequence: UInt32) -> Int { Int(sequence &- first) }
}
