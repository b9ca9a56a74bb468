/// Decides when work that is held goes on: by order, or when a probe of one record succeeds. Pure: time and random numbers are
/// arguments.
///
///     open ──hold──► held ──back-off──► probing ──success──► open
///                      ▲                   │ failure: the back-off doubles
///                      └───────────────────┘
struct HoldMachine {
  private enum Phase: Equatable { case open, held(probeAt: Nanoseconds), probing }

  enum Pass: Equatable {
    case run
    /// Try one record, then report `probed`.
    case probe
    /// Not before this time; nil: not before someone else has done something.
    case wait(until: Nanoseconds?)
  }

  private var phase = Phase.open
  /// Why; nil: not held.
  private(set) var reason: String?
  private var attempt = 0
  /// When a probe last ended a hold.
  private var opened: Nanoseconds?

  /// Between probes: a second, doubled up to a minute.
  static let backOff = BackOff(first: 1_000_000_000, most: 60_000_000_000)

  var isHeld: Bool { reason != nil }
  /// When a probe is due; nil: none, or one is under way.
  var probeAt: Nanoseconds? { if case .held(let probeAt) = phase { probeAt } else { nil } }

  /// - Returns: whether this began a hold; false where there is one.
  mutating func hold(_ reason: String, now: Nanoseconds, random: UInt64) -> Bool {
    guard !isHeld else { return false }
    self.reason = reason
    // A probe that succeeds by chance among failures must not set the back-off back.
    if let opened, now < opened + HoldMachine.backOff.most { attempt += 1 } else { attempt = 0 }
    phase = .held(probeAt: now + HoldMachine.backOff.delay(attempt, random: random))
    return true
  }

  /// What one who has something to run may do.
  mutating func enter(_ now: Nanoseconds) -> Pass {
    switch phase {
    case .open: return .run
    case .probing: return .wait(until: nil)
    case .held(let probeAt) where now < probeAt: return .wait(until: probeAt)
    case .held:
      phase = .probing
      return .probe
    }
  }

  /// - Returns: whether this ended the hold.
  mutating func probed(_ succeeded: Bool, now: Nanoseconds, random: UInt64) -> Bool {
    guard phase == .probing else { return false }
    guard succeeded else {
      attempt += 1
      phase = .held(probeAt: now + HoldMachine.backOff.delay(attempt, random: random))
      return false
    }
    opened = now
    reason = nil
    phase = .open
    return true
  }

  /// By order. - Returns: whether this ended a hold.
  mutating func resume() -> Bool {
    guard isHeld else { return false }
    opened = nil
    reason = nil
    phase = .open
    return true
  }
}
