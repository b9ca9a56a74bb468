import Synchronization

/// A call that blocks and cannot be ended, such as a question to a broker that does not answer: made on a thread of its own, and no
/// longer waited for once interrupted.
final class Interruptible<Value: Sendable>: Sendable {
  private let wakeup = Wakeup()
  private let interrupted = Atomic(false)
  private let value = Mutex<Value?>(nil)

  /// What `body` gives; nil where `interrupt` came first: then `body` ends when it does, and what it gives is dropped.
  func result(of body: @escaping @Sendable () -> Value) -> Value? {
    let thread = Thread("question") {
      let result = body()
      self.value.withLock { $0 = result }
      self.wakeup.wake()
    }
    while !interrupted.load(ordering: .acquiring) {
      if let value = value.withLock({ $0 }) {
        thread.join()
        return value
      }
      wakeup.wait(until: monotonicNow() + 3_600_000_000_000)
    }
    thread.detach()
    return nil
  }

  /// Any thread, more than once, also before `result`; a signal handler too.
  func interrupt() {
    interrupted.store(true, ordering: .releasing)
    wakeup.wake()
  }
}
