/// Why a batch was dispatched.
enum DispatchReason: String, Sendable, CaseIterable {
  /// Nothing more would fit, or (adaptive) no company could make it better.
  case full
  /// A lane was idle.
  case idle
  /// The oldest could wait no longer: `maxWait`, or the target.
  case wait
  /// No company was to be expected in time.
  case lonely
  /// Requests that had been passed over as often as they may.
  case passedOver = "passed-over"
  /// A request would have expired if the run began later.
  case deadline
  case drain
}

/// What a lane that is free is to do.
enum BatchDecision: Equatable {
  case dispatch(count: Int, DispatchReason)
  /// Nothing is due before this time; nil: nothing waits.
  case wait(until: Nanoseconds?)
  /// Requests have expired: `removeExpired`, then ask again.
  case expire

  var isDispatch: Bool { if case .dispatch = self { true } else { false } }
}
