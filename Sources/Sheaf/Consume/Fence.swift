import Synchronization

/// Tells every stage, without a lock, whether a ticket's assignment still stands; the thread that answers rebalances writes it.
///
/// A stage that finds a ticket no longer admitted starts nothing for it and gives it back.
final class Fence: @unchecked Sendable {  // Atomics.
  /// Per slot: 0, or the admitted epoch + 1.
  private let admitted: UnsafeMutablePointer<Atomic<UInt32>>

  init() {
    admitted = .allocate(capacity: Ticket.slots)
    for slot in 0..<Ticket.slots { (admitted + slot).initialize(to: Atomic(0)) }
  }

  deinit { admitted.deallocate() }

  @inline(__always) func admits(_ ticket: Ticket) -> Bool {
    admitted[ticket.slot].load(ordering: .acquiring) == UInt32(ticket.epoch) + 1
  }

  func admit(slot: Int, epoch: UInt16) { admitted[slot].store(UInt32(epoch) + 1, ordering: .releasing) }
  func bar(slot: Int) { admitted[slot].store(0, ordering: .releasing) }
}
