import Synchronization

/// Measures, one record at a time, how long replies take to be acknowledged: a sample is enough, and costs the others an atomic load
/// a batch.
final class AcknowledgementSample: @unchecked Sendable {  // Atomics, and `told`, which is set before the threads start.
  /// The record waited for, with a bit more, so that it is never 0; 0: none.
  private let ticket = Atomic<UInt64>(0)
  private let begun = Atomic<UInt64>(0)
  var told: (@Sendable (Nanoseconds) -> Void)?

  private static func key(_ ticket: Ticket) -> UInt64 { ticket.ofRecord.bits | 1 }

  /// Waits for this record, unless another is waited for. One that never comes is forgotten after 10 s.
  func begin(_ ticket: Ticket, now: Nanoseconds) {
    let present = self.ticket.load(ordering: .relaxed)
    if present != 0, now &- begun.load(ordering: .relaxed) < 10_000_000_000 { return }
    begun.store(now, ordering: .relaxed)
    self.ticket.store(AcknowledgementSample.key(ticket), ordering: .releasing)
  }

  func settled(_ tickets: UnsafeBufferPointer<Ticket>) {
    let present = ticket.load(ordering: .acquiring)
    guard present != 0, tickets.contains(where: { AcknowledgementSample.key($0) == present }) else { return }
    let time = monotonicNow() &- begun.load(ordering: .relaxed)
    ticket.store(0, ordering: .releasing)
    told?(time)
  }
}
