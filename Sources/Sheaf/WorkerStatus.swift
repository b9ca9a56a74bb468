/// A worker's counts at one moment.
public struct WorkerStatus: Sendable {
  /// Records taken from librdkafka whose outcomes are not acknowledged yet.
  public var recordsInside: Int
  /// Of them, those of `topics.bulk`.
  public var bulkRecordsInside: Int
  /// Their keys and values, in bytes; of all.
  public var bytesInside: Int
  public var recordsTaken: Int
  /// Records that came back: answered and acknowledged, skipped, or given up at a rebalance.
  public var recordsSettled: Int
  /// Records answered with an error.
  public var recordsFailed: Int
  /// Records whose answer had a NaN in it.
  public var recordsWithNaN: Int
  /// Records run in a child process, since they may have killed an earlier worker.
  public var recordsIsolated: Int
  public var batches: Int
  public var rows: Int
  /// Batches by rows, rounded up to a power of two: 1, 2, 3–4, 5–8, …
  public var batchSizes: [Int]
  /// Batches by why they were dispatched: `full`, `idle`, `wait`, `lonely`, `passed-over`, `deadline`, `drain`.
  public var reasons: [String: Int]
  /// Rows × longest row over all batches, and what of it was length padding.
  public var tokens: Int
  public var padding: Int
  /// Rows of padding, where shapes are rounded up; not counted in `rows` and `tokens`.
  public var rowPadding: Int
  /// Nanoseconds, over all lanes, that a lane had nothing to run, and that it waited for company of what was there.
  public var idleTime: Nanoseconds
  public var waitTime: Nanoseconds
  /// Batches whose oldest request was expected to be answered later than `latencyTarget` when they were dispatched (adaptive only).
  public var lateBatches: Int
  /// Why the worker, or a topic, is held; `nil`: none is. A worker that is held takes nothing more and is not ready, but stays in
  /// its group, commits what is settled, and goes on by `Worker.resume()` or when a probe of one record succeeds.
  public var hold: String?
  /// What takes too long just now (runs, turns of the consume thread, acknowledgements), and since when; see `limits.stall`.
  public var stalls: [String]
  /// What device, processors and memory say: a reading that is a second old at most. Before the first batches, and where there were
  /// none for long, what is a share is of all the time since the reading before.
  public var signals: DeviceSignals?
}
