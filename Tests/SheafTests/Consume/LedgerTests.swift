import SheafTesting
import Testing

@testable import Sheaf

@Suite struct LedgerTests {
  private func ledger(records: Int = 1000, bytes: Int = 1 << 30, span: Int = 1 << 20) -> Ledger {
    Ledger(bounds: .init(records: records, bytes: bytes, span: span), wakesWhenEmpty: false) {}
  }

  /// Enters so many records of a slot, and gives their tickets; true: the slot is at its bound.
  private func enter(_ ledger: Ledger, _ slot: Int, _ count: Int, from offset: Int64 = 0, bytes: Int = 1) -> (Bool, [Ticket]) {
    let entries = UnsafeMutableBufferPointer<Ledger.Entry>.allocate(capacity: count)
    defer { entries.deallocate() }
    for index in 0..<count { entries[index] = Ledger.Entry(slot: slot, offset: offset + Int64(index), kept: 1, bytes: bytes) }
    let isAtBound = ledger.enter(entries)
    return (isAtBound, entries.map(\.ticket))
  }

  private func settle(_ ledger: Ledger, _ tickets: some Sequence<Ticket>) {
    let tickets = Array(tickets)
    var kept = [UInt](repeating: 0, count: tickets.count)
    _ = tickets.withUnsafeBufferPointer { ledger.settle($0, returned: &kept) }
  }

  @Test func onePartitionAloneMayTakeItAll() {
    let ledger = ledger(), slot = ledger.open(position: 0)!.slot
    #expect(ledger.room().records == 1000)
    #expect(enter(ledger, slot, 1000).0 == false)
    #expect(ledger.room().records == 0)
  }

  /// One of several gets three quarters before it is held, and goes on at half of that; the next gets three quarters of what is
  /// left, and there is room still.
  @Test func onePartitionOfSeveralGetsItsShare() {
    let ledger = ledger(), slot = ledger.open(position: 0)!.slot, other = ledger.open(position: 0)!.slot
    #expect(ledger.room().records == 500)
    let (isAtBound, tickets) = enter(ledger, slot, 750)
    #expect(!isAtBound)
    #expect(enter(ledger, slot, 10, from: 750).0 && ledger.isAtBound(slot: slot) && !ledger.isAtBound(slot: other))
    #expect(ledger.hold(slot: slot))
    #expect(ledger.room().records == 120)
    #expect(enter(ledger, other, 180).0 == false && enter(ledger, other, 1, from: 180).0)
    #expect(ledger.room().records == 59)
    settle(ledger, tickets[..<384])
    #expect(ledger.hold(slot: slot))
    settle(ledger, tickets[384..<385])
    #expect(ledger.hold(slot: slot) == false)
  }

  @Test func bytesAreSharedToo() {
    let ledger = ledger(bytes: 1000), slot = ledger.open(position: 0)!.slot
    _ = ledger.open(position: 0)
    #expect(enter(ledger, slot, 7, bytes: 100).0 == false)
    #expect(enter(ledger, slot, 1, from: 7, bytes: 100).0)
    #expect(ledger.room().bytes == 100)
  }

  /// What is kept aside counts, but half of the room stays for the others.
  @Test func whatIsKeptAsideTakesRoom() {
    let ledger = ledger()
    _ = ledger.open(position: 0)
    ledger.setAside(records: 200, bytes: 400)
    #expect(ledger.room().records == 800 && ledger.counts.inside == 200 && ledger.counts.bytes == 400)
    ledger.setAside(records: 700, bytes: 1400)
    #expect(ledger.room().records == 500 && ledger.counts.inside == 900)
    ledger.setAside(records: -900, bytes: -1800)
    #expect(ledger.room().records == 1000 && ledger.counts.inside == 0 && ledger.counts.bytes == 0)
  }

  /// Bulk records may have half of the room, the others all but an eighth; what of bulk is kept aside leaves room to the others.
  @Test func eachPriorityHasItsShare() {
    let woken = Locked(0)
    let ledger = Ledger(bounds: .init(records: 1000, bytes: 1 << 30, span: 1 << 20), hasBulk: true, wakesWhenEmpty: false) { woken.withLock { $0 += 1 } }
    let slot = ledger.open(position: 0)!.slot, bulk = ledger.open(position: 0, .bulk)!.slot
    #expect(ledger.room(.bulk).records == 500 && ledger.room(.interactive).records == 875)
    let (isAtBound, tickets) = enter(ledger, bulk, 500)
    #expect(!isAtBound && ledger.room(.bulk).records == 0 && ledger.room(.interactive).records == 500)
    #expect(ledger.bulkInside == 500)
    ledger.setAside(records: 900, bytes: 900, .bulk)
    #expect(ledger.room(.interactive).records == 250)
    ledger.setAside(records: -900, bytes: -900, .bulk)
    // The consume thread waits for bulk's room, and is woken when there is some.
    #expect(ledger.room(.bulk).records == 0)
    _ = ledger.takeProgress()
    settle(ledger, tickets[..<100])
    _ = ledger.takeProgress()
    let before = woken.withLock { $0 }
    settle(ledger, tickets[100..<130])
    #expect(woken.withLock { $0 } > before)
    settle(ledger, tickets[130...])
    #expect(ledger.bulkInside == 0)
    #expect(enter(ledger, slot, 875).0 == false)
    #expect(ledger.room(.interactive).records == 0 && ledger.room(.bulk).records == 125)
  }

  /// Random traffic over several partitions: the bound holds, one that is stuck never takes all of it, and everything comes back.
  @Test(arguments: 0..<20) func someRoomIsAlwaysLeft(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bound = 1000, ledger = ledger(records: bound)
    let slots = (0..<4).map { _ in ledger.open(position: 0)!.slot }
    var held: Set<Int> = [], out: [Int: [Ticket]] = [:], next: [Int: Int64] = [:]
    for _ in 0..<2000 {
      let slot = slots.randomElement(using: &random)!
      if Int.random(in: 0..<3, using: &random) > 0, !held.contains(slot) {
        let count = min(ledger.room().records, .random(in: 1...100, using: &random))
        // Only those that flow may fill it to the last.
        let flowing = slots[1...].contains { out[$0]?.isEmpty == false }
        #expect(flowing || count > 0)
        guard count > 0 else { continue }
        let (_, tickets) = enter(ledger, slot, count, from: next[slot, default: 0])
        next[slot, default: 0] += Int64(count)
        out[slot, default: []] += tickets
        for slot in slots where ledger.isAtBound(slot: slot) { held.insert(slot) }
      } else if let tickets = out[slot], !tickets.isEmpty, slot != slots[0] {  // The first is stuck.
        let count = Int.random(in: 1...tickets.count, using: &random)
        settle(ledger, tickets.prefix(count))
        out[slot]!.removeFirst(count)
      }
      held = held.filter { ledger.hold(slot: $0) }
      #expect(ledger.counts.inside <= bound && ledger.counts.inside == out.values.reduce(0) { $0 + $1.count })
    }
    for slot in slots { settle(ledger, out[slot] ?? []) }
    #expect(ledger.counts.inside == 0 && ledger.counts.bytes == 0)
  }
}
