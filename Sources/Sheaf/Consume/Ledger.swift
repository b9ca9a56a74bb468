/// The trackers of all assigned partitions and what is inside the worker in all, under one lock.
///
/// The consume thread enters records, the reports thread (and whoever gives a ticket up) takes them out. An assignment's slot is
/// used again only when its last ticket has come back, so a late ticket never meets another assignment's tracker.
final class Ledger: @unchecked Sendable {  // Everything mutable is protected by `monitor`.
  struct Bounds: Sendable {
    var records: Int
    var bytes: Int
    var span: Int
  }

  struct Slot: ~Copyable {
    var tracker: OffsetTracker
    var epoch: UInt16
    /// The source has let go; the slot is free once nothing is outstanding.
    var closed = false
    var priority: Priority
    /// What a transaction has committed last.
    var committed: Int64?
    /// The consume thread waits for the span to shrink.
    var held = false
    /// Its share when that was last looked at.
    var share = (records: Int.max, bytes: Int.max)
    var mark: BegunMark
    /// A record that waits for the mark, behind a gap in the offsets.
    var waiting: Int64 = 0

    /// Where handing on goes on.
    var next: Int64 { max(tracker.position, waiting) }

    init(position: Int64, suspects: Int64, span: Int, epoch: UInt16, _ priority: Priority) {
      tracker = OffsetTracker(position: position)
      mark = BegunMark(position: position, suspects: suspects, span: span)
      self.epoch = epoch
      self.priority = priority
    }
  }

  private let monitor = Monitor()
  private let slots: UnsafeMutablePointer<Slot>
  /// Slots that have been initialised: 0..<used.
  private var used = 0
  private var free: [Int] = []
  private let bounds: Bounds
  private let wake: @Sendable () -> Void

  /// What is inside, of one priority.
  private struct Inside {
    var records = 0
    var bytes = 0
    /// Records of held partitions that were queued already; see `setAside`.
    var aside = (records: 0, bytes: 0)
    /// Slots whose assignments have not ended.
    var openSlots = 0
    /// The consume thread sleeps until there is room.
    var wantsRoom = false
  }

  private var interactive = Inside()
  private var bulk = Inside()
  private let hasBulk: Bool
  private var taken = 0
  private var settledCount = 0
  /// What the consume thread sleeps for.
  private var wantsEmpty = false
  /// The consume thread is woken whenever nothing is inside any more.
  private let wakesWhenEmpty: Bool
  /// Something was settled since the last `progress`.
  private var progressed = false
  /// A slot's mark is to be written further ahead.
  private var marksDue = false

  /// - Parameters:
  ///   - hasBulk: an eighth of the bounds is always left to bulk records, so that no flood of others shuts them out.
  ///   - wake: wakes the consume thread; called without the lock.
  init(bounds: Bounds, hasBulk: Bool = false, wakesWhenEmpty: Bool, wake: @escaping @Sendable () -> Void) {
    self.bounds = bounds
    self.hasBulk = hasBulk
    self.wakesWhenEmpty = wakesWhenEmpty
    self.wake = wake
    slots = .allocate(capacity: Ticket.slots)
  }

  deinit {
    (slots).deinitialize(count: used)
    slots.deallocate()
  }

  // MARK: The consume thread

  /// A slot for a new assignment that begins at `position`, of which records below `suspects` are suspect; nil where all 4,096
  /// are in use.
  func open(position: Int64, suspects: Int64 = 0, _ priority: Priority = .interactive) -> (slot: Int, epoch: UInt16)? {
    monitor.locked {
      marksDue = true
      guard !free.isEmpty || used < Ticket.slots else { return nil }
      self[priority].openSlots += 1
      if let slot = free.popLast() {
        let epoch = slots[slot].epoch &+ 1
        slots[slot] = Slot(position: position, suspects: suspects, span: bounds.span, epoch: epoch, priority)
        return (slot, epoch)
      }
      (slots + used).initialize(to: Slot(position: position, suspects: suspects, span: bounds.span, epoch: 0, priority))
      used += 1
      return (used - 1, 0)
    }
  }

  /// The assignment is over; late tickets still come back, and commit nothing.
  func close(slot: Int) {
    monitor.locked {
      slots[slot].closed = true
      self[slots[slot].priority].openSlots -= 1
      if slots[slot].tracker.outstanding == 0 { free.append(slot) }
    }
  }

  /// Room for more records of a priority, and for their bytes. Where there is none, the consume thread is woken when there is again.
  func room(_ priority: Priority = .interactive) -> (records: Int, bytes: Int) {
    monitor.locked {
      let room = free(priority), most = most(priority)
      self[priority].wantsRoom = room.records == 0 || room.bytes == 0
      // Half at a time where there are others: one partition's run of records must not take it all before its share is looked at.
      guard self[priority].openSlots > 1 else { return room }
      return (room.records > most.records / 8 ? (room.records + 1) / 2 : room.records, room.bytes > most.bytes / 8 ? (room.bytes + 1) / 2 : room.bytes)
    }
  }

  private subscript(_ priority: Priority) -> Inside {
    get { priority == .interactive ? interactive : bulk }
    set { if priority == .interactive { interactive = newValue } else { bulk = newValue } }
  }

  /// What a priority may have inside at most: bulk a half.
  private func most(_ priority: Priority) -> (records: Int, bytes: Int) {
    priority == .interactive ? (bounds.records, bounds.bytes) : (max(1, bounds.records / 2), max(1, bounds.bytes / 2))
  }

  private func free(_ priority: Priority) -> (records: Int, bytes: Int) {
    (
      free(priority, bounds.records, most(.bulk).records, interactive.records, bulk.records, interactive.aside.records, bulk.aside.records),
      free(priority, bounds.bytes, most(.bulk).bytes, interactive.bytes, bulk.bytes, interactive.aside.bytes, bulk.aside.bytes)
    )
  }

  // What is kept aside takes room too, but half (of each priority's) stays for the partitions that go on.
  private func free(_ priority: Priority, _ bound: Int, _ bulkBound: Int, _ interactive: Int, _ bulk: Int, _ aside: Int, _ bulkAside: Int) -> Int {
    guard hasBulk else { return max(0, bound - interactive - min(aside, bound / 2)) }
    let left = bound - interactive - bulk - min(aside + bulkAside, bound / 4)
    return max(0, priority == .interactive ? left - max(0, bound / 8 - bulk) : min(left, bulkBound - bulk - min(bulkAside, bulkBound / 2)))
  }

  /// Records of a held partition, taken from librdkafka, wait outside (negative: no longer): counted, and not entered yet.
  func setAside(records: Int, bytes: Int, _ priority: Priority = .interactive) {
    monitor.locked { self[priority].aside = (self[priority].aside.records + records, self[priority].aside.bytes + bytes) }
  }

  /// Whether a slot is to be held: its span has reached its bound, or it has more inside than its share.
  func isAtBound(slot: Int) -> Bool { monitor.locked { isOver(slot, share(beside: slot)) } }

  /// How many records and bytes a slot may have inside: three quarters of what held slots leave, so that several that are stuck one
  /// after the other still leave something for the next. Partitions that all wait for the same slow model stay below it. The only
  /// slot may have everything. - Complexity: O(slots).
  private func share(beside slot: Int) -> (records: Int, bytes: Int) {
    let priority = slots[slot].priority
    guard self[priority].openSlots > 1 else { return (.max, .max) }
    var left = most(priority)
    for other in 0..<used where other != slot && slots[other].held && !slots[other].closed && slots[other].priority == priority {
      left.records -= slots[other].tracker.outstanding
      left.bytes -= slots[other].tracker.bytes
    }
    return (max(0, left.records) / 4 * 3, max(0, left.bytes) / 4 * 3)
  }

  private func isOver(_ slot: Int, _ share: (records: Int, bytes: Int)) -> Bool {
    slots[slot].tracker.span >= bounds.span || slots[slot].tracker.outstanding > share.records || slots[slot].tracker.bytes > share.bytes
  }

  /// A held slot goes on once it is below half of its bounds.
  private func staysHeld(_ slot: Int) -> Bool {
    let tracker = (span: slots[slot].tracker.span, records: slots[slot].tracker.outstanding, bytes: slots[slot].tracker.bytes)
    return tracker.span > bounds.span / 2 || tracker.records > slots[slot].share.records / 2 || tracker.bytes > slots[slot].share.bytes / 2
  }

  /// Enters records of one priority and fills in their tickets; `kept` is given back when a ticket comes back.
  /// - Returns: whether a slot among them is at its bound.
  func enter(_ entries: UnsafeMutableBufferPointer<Entry>) -> Bool {
    monitor.locked {
      guard let first = entries.first else { return false }
      var total = 0
      for index in entries.indices {
        let slot = entries[index].slot
        let sequence = slots[slot].tracker.receive(offset: entries[index].offset, kept: entries[index].kept, bytes: entries[index].bytes)
        entries[index].ticket = Ticket(slot: slot, epoch: slots[slot].epoch, sequence: sequence)
        total += entries[index].bytes
        marksDue = marksDue || slots[slot].mark.isDue(next: slots[slot].tracker.position)
      }
      self[slots[first.slot].priority].records += entries.count
      self[slots[first.slot].priority].bytes += total
      taken += entries.count
      var last = -1
      return entries.contains { entry in
        defer { last = entry.slot }
        return entry.slot != last && isOver(entry.slot, share(beside: entry.slot))
      }
    }
  }

  struct Entry: BitwiseCopyable {
    var slot: Int
    var offset: Int64
    var kept: UInt
    var bytes: Int
    var ticket = Ticket(bits: 0)
  }

  /// Asks to be woken when the slot has fallen to half its bounds. - Returns: false where it has already.
  func hold(slot: Int) -> Bool {
    monitor.locked {
      slots[slot].share = share(beside: slot)
      slots[slot].held = staysHeld(slot)
      return slots[slot].held
    }
  }

  /// Reading has passed an offset that holds no record.
  func advance(slot: Int, to offset: Int64) {
    monitor.locked {
      slots[slot].tracker.advance(to: offset)
      progressed = true
    }
  }

  /// What may be committed of a slot, and how many tickets of it are still out.
  func state(slot: Int) -> (committable: Int64, outstanding: Int) {
    monitor.locked { (slots[slot].tracker.committable, slots[slot].tracker.outstanding) }
  }

  /// Tickets out in all, of these slots. Where there are some, the consume thread is woken when a slot has none left.
  func outstanding(_ slots: some Sequence<Int>) -> Int {
    monitor.locked {
      let count = slots.reduce(0) { $0 + self.slots[$1].tracker.outstanding }
      wantsEmpty = count > 0
      return count
    }
  }

  /// Whether anything was settled since the last call.
  func takeProgress() -> Bool {
    monitor.locked {
      defer { progressed = false }
      return progressed
    }
  }

  var hasProgress: Bool { monitor.locked { progressed } }

  // MARK: Marks

  /// Whether a slot's mark is to be written further ahead; false again once taken.
  func takeMarksDue() -> Bool {
    monitor.locked {
      defer { marksDue = false }
      return marksDue
    }
  }

  var areMarksDue: Bool { monitor.locked { marksDue } }

  /// Looks at all marks again: a commit of them was answered.
  func reviewMarks(_ slots: some Sequence<Int>) { monitor.locked { marksDue = slots.contains { self.slots[$0].mark.isDue(next: self.slots[$0].next) } } }

  func isMarkDue(slot: Int) -> Bool { monitor.locked { slots[slot].mark.isDue(next: slots[slot].next) } }

  /// The next record of the slot has this offset, which its mark does not cover.
  func wait(slot: Int, for offset: Int64) {
    monitor.locked {
      slots[slot].waiting = offset
      marksDue = true
    }
  }

  /// How far the slot's records may be said to have begun by a commit made now. Any thread.
  func proposeMark(slot: Int) -> Int64 { monitor.locked { slots[slot].mark.propose(next: slots[slot].next) } }

  /// A commit that said so was acknowledged.
  func acknowledgeMark(slot: Int, _ begun: Int64) { monitor.locked { slots[slot].mark.acknowledge(begun) } }

  /// The offset below which records of the slot may be handed on.
  func mark(slot: Int) -> Int64 { monitor.locked { slots[slot].mark.acknowledged } }

  /// Whether the next record of the slot is beyond its mark.
  func isBeyondMark(slot: Int) -> Bool { monitor.locked { slots[slot].next >= slots[slot].mark.acknowledged } }

  /// What the slot's last commit says of the records that may have begun; nil: nothing is at work.
  func lastMark(slot: Int, committing offset: Int64, isInOrder: Bool) -> Int64? {
    monitor.locked { slots[slot].mark.last(committing: offset, begun: isInOrder ? nil : slots[slot].tracker.position) }
  }

  /// As if something had been settled: a commit is to be tried again.
  func markProgress() { monitor.locked { progressed = true } }

  /// Records inside the worker, records taken and settled since the start.
  var counts: (inside: Int, bytes: Int, taken: Int, settled: Int) {
    monitor.locked {
      (
        interactive.records + interactive.aside.records + bulk.records + bulk.aside.records,
        interactive.bytes + interactive.aside.bytes + bulk.bytes + bulk.aside.bytes, taken, settledCount
      )
    }
  }

  /// Of the records inside, those that are bulk.
  var bulkInside: Int { monitor.locked { bulk.records + bulk.aside.records } }

  /// Some record's ticket is out.
  var hasOutstanding: Bool { monitor.locked { interactive.records + bulk.records > 0 } }

  // MARK: Any thread

  /// Outcomes were acknowledged. - Returns: how many `kept` values were written to `returned`, which has room for all.
  func settle(_ tickets: UnsafeBufferPointer<Ticket>, returned kept: UnsafeMutablePointer<UInt>) -> Int {
    give(tickets, kept, settled: true)
  }

  /// Records are given up unsettled. - Returns: as `settle`.
  func release(_ tickets: UnsafeBufferPointer<Ticket>, returned kept: UnsafeMutablePointer<UInt>) -> Int {
    give(tickets, kept, settled: false)
  }

  /// So many bytes of outcomes more (or less) are kept.
  func count(kept difference: Int) {
    let wakes = monitor.locked {
      interactive.bytes += difference
      return difference < 0 && hasWantedRoom()
    }
    if wakes { wake() }
  }

  /// Where reading goes on behind a record whose ticket is out.
  func next(after ticket: Ticket) -> Int64 { monitor.locked { slots[ticket.slot].tracker.next(after: ticket.sequence) } }

  /// Takes note of offsets that a transaction has committed.
  func committed(_ offsets: [(ticket: Ticket, offset: Int64)]) {
    monitor.locked {
      for (ticket, offset) in offsets where slots[ticket.slot].epoch == ticket.epoch {
        let slot = ticket.slot
        slots[slot].committed = offset
        slots[slot].mark.acknowledge(slots[slot].mark.proposed)
        marksDue = marksDue || slots[slot].mark.isDue(next: slots[slot].next)
      }
    }
  }

  /// What a transaction has committed last of this slot's assignment.
  func committed(slot: Int) -> Int64? { monitor.locked { slots[slot].committed } }

  /// What is kept for a record whose ticket is out.
  func kept(_ ticket: Ticket) -> UInt { monitor.locked { slots[ticket.slot].tracker.kept(ticket.sequence) } }

  /// What is kept for every ticket that never came back; for the end, when nobody holds one any more.
  func remains() -> [UInt] {
    monitor.locked {
      var remains: [UInt] = []
      for slot in 0..<used { slots[slot].tracker.forEachInside { remains.append($0) } }
      return remains
    }
  }

  /// The record needs so many outcomes acknowledged.
  func require(_ outcomes: UInt8, _ ticket: Ticket) { monitor.locked { slots[ticket.slot].tracker.require(outcomes, ticket.sequence) } }

  /// Whether there is room that was asked for: a chunk's worth, so that the thread is not woken for every record's. Under the lock.
  private func hasWantedRoom() -> Bool {
    var isThere = false
    for priority in Priority.allCases where self[priority].wantsRoom {
      let free = free(priority), most = most(priority)
      guard free.records >= min(1000, most.records / 4 + 1), free.bytes >= most.bytes / 8 || self[priority].records == 0 else { continue }
      self[priority].wantsRoom = false
      isThere = true
    }
    return isThere
  }

  private func give(_ tickets: UnsafeBufferPointer<Ticket>, _ kept: UnsafeMutablePointer<UInt>, settled: Bool) -> Int {
    var count = 0
    let wakes = monitor.locked {
      var wakes = false, total = 0, ofBulk = (records: 0, bytes: 0)
      for ticket in tickets {
        let slot = ticket.slot
        precondition(slots[slot].epoch == ticket.epoch, "a ticket outlived its slot")
        let back = settled ? slots[slot].tracker.settle(ticket.sequence) : slots[slot].tracker.release(ticket.sequence)
        guard let back else { continue }
        kept[count] = back.kept
        count += 1
        total += back.bytes
        if slots[slot].priority == .bulk {
          ofBulk.records += 1
          ofBulk.bytes += back.bytes
        }
        if slots[slot].tracker.outstanding == 0 {
          wakes = wakes || wantsEmpty
          if slots[slot].closed { free.append(slot) }
        }
        if slots[slot].held, !staysHeld(slot) {
          slots[slot].held = false
          wakes = true
        }
      }
      interactive.records -= count - ofBulk.records
      interactive.bytes -= total - ofBulk.bytes
      bulk.records -= ofBulk.records
      bulk.bytes -= ofBulk.bytes
      if settled { settledCount += count }
      if hasWantedRoom() { wakes = true }
      if wakesWhenEmpty, interactive.records + bulk.records == 0 { wakes = true }
      if count > 0, !progressed {
        progressed = true
        wakes = true
      }
      return wakes
    }
    if wakes { wake() }
    return count
  }
}
