import Synchronization

/// Tells every stage, without a lock, whether a ticket's assignment still stands; the thread that answers rebalances writes it.
///
///     admitted ──drain──► owned ──let go or lost──► ended
///
/// Of an admitted assignment new work may begin. Of one that is only owned (it drains) nothing begins any more, but what is
/// running may be answered and committed. Of one that has ended nothing may be committed.
final class Fence: @unchecked Sendable {  // Atomics.
  /// Per slot: 0: ended; else (epoch + 1) × 2, and 1 more where it is admitted.
  private let states: UnsafeMutablePointer<Atomic<UInt32>>

  init() {
    states = .allocate(capacity: Ticket.slots)
    for slot in 0..<Ticket.slots { (states + slot).initialize(to: Atomic(0)) }
  }

  deinit { states.deallocate() }

  private static func owned(_ epoch: UInt16) -> UInt32 { (UInt32(epoch) + 1) << 1 }

  /// New work of this ticket's assignment may begin.
  @inline(__always) func admits(_ ticket: Ticket) -> Bool {
    states[ticket.slot].load(ordering: .acquiring) == Fence.owned(ticket.epoch) | 1
  }

  /// What is done of this ticket's assignment may be committed.
  func owns(_ ticket: Ticket) -> Bool { owns(slot: ticket.slot, epoch: ticket.epoch) }
  func owns(slot: Int, epoch: UInt16) -> Bool { states[slot].load(ordering: .acquiring) & ~1 == Fence.owned(epoch) }

  func admit(slot: Int, epoch: UInt16) { states[slot].store(Fence.owned(epoch) | 1, ordering: .releasing) }
  /// Nothing more begins.
  func bar(slot: Int) { states[slot].bitwiseAnd(~1, ordering: .releasing) }
  func end(slot: Int) { states[slot].store(0, ordering: .releasing) }
}
