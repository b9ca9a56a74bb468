import SheafKafka

/// Records that cross from the consume thread to the decode thread together.
final class RecordChunk: @unchecked Sendable {  // Handed from one thread to the next, never shared.
  static let capacity = 1000
  let records = UnsafeMutablePointer<Record>.allocate(capacity: RecordChunk.capacity)
  var count = 0
  var priority = Priority.interactive
  /// They may have killed an earlier worker.
  var areSuspects = false

  deinit { records.deallocate() }
}

/// What a source hands records to.
protocol Intake: AnyObject, Sendable {
  /// Whether it takes more of a priority now. Where it does not, the source is woken when it does again.
  func hasRoom(for priority: Priority) -> Bool
  /// A chunk to fill.
  func emptyChunk(for priority: Priority) -> RecordChunk
  /// Takes a filled chunk, without waiting.
  func accept(_ chunk: RecordChunk)
  /// Assignments have ended: what waits of them is to be given back now.
  func withdrawBarred()
  /// Every suspect that was handed on has come back, and none will follow for now.
  func suspectsSettled()
}

/// Where records come from and tickets go back to. Offsets, epochs and commits are its own business.
protocol Source: AnyObject, Sendable {
  /// Which tickets still stand.
  var fence: Fence { get }
  /// The consume thread: gives chunks to `intake` until stopped and drained.
  /// - Throws: where it cannot go on.
  func run(_ intake: any Intake) throws
  /// Wakes the consume thread: the intake has room again. Any thread.
  func wake()
  /// Begins the drain. Any thread, more than once.
  func stop()
  /// Takes nothing more (but one record where none is inside, to probe with), or goes on. Polling, commits and rebalances go on
  /// meanwhile. Any thread.
  func hold(_ isHeld: Bool)
  /// The same of one topic. Any thread.
  func hold(topic: Int32, _ isHeld: Bool)
  /// Partitions of a topic that are assigned here. Any thread.
  func assignedPartitions(of topic: Int32) -> Int
  /// The worker ends because of what it runs: its last commits leave the marks, so that the next owners isolate it. Any thread.
  func leaveMarked()
  /// Outcomes of these records are acknowledged.
  func settle(_ tickets: UnsafeBufferPointer<Ticket>)
  /// These records were given up unsettled.
  func release(_ tickets: UnsafeBufferPointer<Ticket>)
  /// The record of a ticket that is out.
  func record(_ ticket: Ticket) -> Record
  /// Before the first outcome is sent: the record needs so many acknowledged, instead of one.
  func require(_ outcomes: UInt8, _ ticket: Ticket)
  /// After `run`: why and what was let go unsettled or uncommitted in the drain at shutdown, where that reached its bound or lost its
  /// partitions; nil: nothing.
  var missedAtEnd: String? { get }
  /// After `run`: some of it is unsettled, and a lane may still be at work on it.
  var hasUnsettled: Bool { get }
  /// Records and bytes inside the worker, records taken and given back since the start.
  var counts: (inside: Int, bytes: Int, taken: Int, settled: Int) { get }
  /// Of the records inside, those that are bulk.
  var bulkInside: Int { get }
  /// Every turn of the consume thread is told to this; set before `run`.
  func watch(by watch: Watchdog.Watch)
  /// So many bytes of outcomes more (or less) are kept: they count among what is inside. Any thread.
  func count(kept bytes: Int)
  /// Called, by the consume thread, when a drain begins; set before `run`.
  func onDrain(_ body: @escaping @Sendable () -> Void)
  /// The present membership, for a transaction's offsets; nil: there is none. Any thread.
  func groupMetadata() -> GroupMetadata?
  /// Where the group goes on in a record's partition once the record and all before it are done. The ticket is out. Any thread.
  func offset(after ticket: Ticket) -> PartitionOffset
  /// A transaction has committed these offsets, of the assignment of each ticket. Before the tickets are settled.
  func committed(_ offsets: [(ticket: Ticket, offset: Int64)])
  /// Notes when this record is settled, unless another is waited for; then what was set by `onSample` is told how long it took. Any
  /// thread.
  func sample(_ ticket: Ticket, now: Nanoseconds)
  /// Set before `run`.
  func onSample(_ body: @escaping @Sendable (Nanoseconds) -> Void)
  /// The name of a record's topic.
  func topicName(_ topic: Int32) -> String
}

extension Source {
  func settle(_ ticket: Ticket) { withUnsafePointer(to: ticket) { settle(UnsafeBufferPointer(start: $0, count: 1)) } }
  func release(_ ticket: Ticket) { withUnsafePointer(to: ticket) { release(UnsafeBufferPointer(start: $0, count: 1)) } }
}
