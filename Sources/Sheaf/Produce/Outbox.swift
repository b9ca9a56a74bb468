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

  /// - Parameter bound: bytes of kept outcomes above which those who hand over wait, unless only they can help.
  init(bound: Int) { self.bound = bound }

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

  /// So many bytes of outcomes are gone.
  func released(_ bytes: Int) {
    monitor.locked {
      self.bytes -= bytes
      if waiting > 0 { monitor.broadcast() }
    }
  }

  /// What was handed over and never taken; after the end.
  func remains() -> [Answered] {
    monitor.locked {
      defer { entries = [] }
      return entries
    }
  }
}
