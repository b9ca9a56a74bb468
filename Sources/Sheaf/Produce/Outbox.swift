/// Where lanes and decode hand over outcomes that are not sent at once: one thread takes them out, in the order of their records.
final class Outbox: @unchecked Sendable {  // Everything mutable is protected by `monitor`.
  private let monitor = Monitor()
  private var entries: [Answered] = []
  private var isStopped = false
  /// Bytes of outcomes handed over and not yet sent for good.
  private var bytes = 0
  private let bound: Int
  /// The taking thread has something to do without anything new: it makes room.
  private var isMoving = false
  private var waiting = 0
  private var isHurried = false

  /// Counts what is kept, in bytes more or less, among what is inside the worker.
  private let count: @Sendable (Int) -> Void

  /// - Parameter bound: bytes of kept outcomes above which those who hand over wait, unless only they can help.
  init(bound: Int, count: @escaping @Sendable (Int) -> Void) {
    self.bound = bound
    self.count = count
  }

  // MARK: Any thread

  /// Hands over. Waits while there is too much, but only as long as what is there can go without anything new: the record that
  /// all wait for may be the caller's next.
  func accept(_ answered: consuming [Answered]) {
    if answered.isEmpty { return }
    let more = answered.reduce(0) { $0 + $1.byteCount }
    monitor.locked {
      while bytes > bound, isMoving || !entries.isEmpty, !isStopped {
        waiting += 1
        monitor.wait()
        waiting -= 1
      }
      bytes += more
      entries += answered
      monitor.broadcast()
    }
    count(more)
  }

  /// As `accept`, of what must not wait.
  func post(_ answered: [Answered]) {
    monitor.locked {
      entries += answered
      monitor.broadcast()
    }
  }

  /// A drain has begun: what is underway is to be finished now.
  func hurry() {
    monitor.locked {
      isHurried = true
      monitor.broadcast()
    }
  }

  func stop() {
    monitor.locked {
      isStopped = true
      monitor.broadcast()
    }
  }

  var isEnded: Bool { monitor.locked { isStopped } }

  // MARK: The taking thread

  /// Waits for more, until `deadline` or a hurry. - Parameter isMoving: whether something is underway. - Returns: nil: stopped.
  func take(until deadline: Nanoseconds?, isMoving: Bool) -> (entries: [Answered], isHurried: Bool)? {
    monitor.locked {
      self.isMoving = isMoving
      if waiting > 0 { monitor.broadcast() }
      while entries.isEmpty, !isHurried, !isStopped {
        if let deadline, monotonicNow() >= deadline { break }
        monitor.wait(until: deadline)
      }
      if isStopped { return nil }
      defer {
        entries = []
        isHurried = false
      }
      self.isMoving = isMoving || !entries.isEmpty
      return (entries, isHurried)
    }
  }

  /// Frees what is kept of a record. Before its ticket comes back, so that whoever waits for room sees it.
  func release(_ entry: Answered) {
    let bytes = entry.byteCount
    entry.release()
    changed(by: -bytes)
  }

  /// An outcome was replaced by another.
  func changed(by difference: Int) {
    monitor.locked {
      bytes += difference
      if waiting > 0 { monitor.broadcast() }
    }
    count(difference)
  }

  /// Sleeps until a time, or until the end.
  func pause(until deadline: Nanoseconds) {
    monitor.locked { while !isStopped, monotonicNow() < deadline { monitor.wait(until: deadline) } }
  }

  /// What was handed over and never taken; after the end.
  func remains() -> [Answered] {
    monitor.locked {
      defer { entries = [] }
      return entries
    }
  }
}
