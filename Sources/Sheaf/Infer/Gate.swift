/// What lanes pass before every run: open, or held by a flood of failures or a model that stays away. A monitor around a
/// `FloodGuard` and a `HoldMachine`; waiting lanes sleep here.
final class Gate: @unchecked Sendable {  // Everything mutable is protected by `monitor`.
  enum Pass {
    case run
    /// One record, then `probed`.
    case probe
    /// Assignments have ended: look which requests are still admitted, then come again.
    case look
    /// The worker has ended.
    case ended
  }

  private let monitor = Monitor()
  private var flood = FloodGuard()
  private var machine = HoldMachine()
  private var withdrawals = 0
  private var isEnded = false
  /// Called without the lock: the worker is held, and why; nil: it goes on.
  private let changed: @Sendable (String?) -> Void

  init(changed: @escaping @Sendable (String?) -> Void) { self.changed = changed }

  /// Why the worker is held; nil: it is not.
  var reason: String? { monitor.locked { machine.reason } }

  /// Waits until there is something to do for a lane that has requests.
  /// - Parameter seen: the lane's own count of withdrawals, 0 at first.
  func pass(_ seen: inout Int) -> Pass {
    monitor.locked {
      while true {
        if isEnded { return .ended }
        if machine.isHeld, isNews(&seen) { return .look }
        switch machine.enter(monotonicNow()) {
        case .run: return .run
        case .probe: return .probe
        case .wait(let until): monitor.wait(until: until)
        }
      }
    }
  }

  /// Sleeps until a time, or until assignments or the worker end.
  func sleep(until deadline: Nanoseconds, _ seen: inout Int) {
    monitor.locked {
      while !isEnded, !isNews(&seen), monotonicNow() < deadline { monitor.wait(until: deadline) }
    }
  }

  private func isNews(_ seen: inout Int) -> Bool {
    defer { seen = withdrawals }
    return seen != withdrawals
  }

  /// A batch has run, and so many of its records failed by rows. - Returns: whether they are to be told; else all is kept.
  func ran(answered: Int, failed: Int, _ place: @autoclosure () -> String) -> Bool {
    settle {
      if failed == 0 {
        flood.answered(answered)
        return (true, nil)
      }
      if machine.isHeld { return (false, nil) }
      flood.answered(answered)
      for index in 0..<failed {
        if let reason = flood.failed(isFirstOfBatch: index == 0) { return (false, "\(reason), last \(place())") }
      }
      return (true, nil)
    }
  }

  /// A record failed alone. - Returns: whether it is to be told; else it is kept.
  func failed(isFirstOfBatch: Bool, _ place: @autoclosure () -> String) -> Bool {
    settle {
      // A child is cut off at the end, which is not its record's fault.
      if isEnded || machine.isHeld { return (false, nil) }
      guard let reason = flood.failed(isFirstOfBatch: isFirstOfBatch) else { return (true, nil) }
      return (false, "\(reason), last \(place())")
    }
  }

  /// Holds the worker, unless it is.
  func hold(_ reason: String) { _ = settle { (false, reason) } }

  func probed(_ succeeded: Bool) { reopen { machine.probed(succeeded, now: monotonicNow(), random: .random(in: 0 ... .max)) } }

  /// By order.
  func resume() { reopen { machine.resume() } }

  /// Assignments have ended.
  func withdrawn() {
    monitor.locked {
      withdrawals += 1
      monitor.broadcast()
    }
  }

  func end() {
    monitor.locked {
      isEnded = true
      monitor.broadcast()
    }
  }

  private func settle(_ body: () -> (mayTell: Bool, reason: String?)) -> Bool {
    let (mayTell, reason): (Bool, String?) = monitor.locked {
      let (mayTell, reason) = body()
      guard let reason, machine.hold(reason, now: monotonicNow(), random: .random(in: 0 ... .max)) else { return (mayTell, nil) }
      monitor.broadcast()
      return (mayTell, reason)
    }
    if let reason { changed(reason) }
    return mayTell
  }

  private func reopen(_ body: () -> Bool) {
    let isOpen = monitor.locked {
      let isOpen = body()
      if isOpen { flood = FloodGuard() }
      monitor.broadcast()
      return isOpen
    }
    if isOpen { changed(nil) }
  }
}
