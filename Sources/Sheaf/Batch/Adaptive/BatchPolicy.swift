/// How batches are decided on.
enum BatchPolicy: Sendable, Equatable {
  /// As `BatchSettings` says, in order of arrival: exactly predictable.
  case fixed
  /// By what runs were measured to cost; `BatchSettings` bounds it.
  case adaptive(AdaptiveSettings)
}

/// What an adaptive policy aims at. All may be changed while it serves.
struct AdaptiveSettings: Sendable, Equatable {
  enum Objective: String, Sendable, CaseIterable {
    /// The shortest answers: an idle lane does not wait; under backlog, the batch that drains fastest within the target.
    case latency
    /// The fewest device seconds a record within the target: where little arrives, requests wait for company as long as the target
    /// allows.
    case efficiency
  }

  var objective = Objective.latency
  /// What 99 of 100 requests are to be answered within, from arrival to the reply's acknowledgement; nanoseconds, 1 and more.
  var latencyTarget: Nanoseconds = 100_000_000
  /// How many batches with a newer request may go before one that waits; 1 and more.
  var passedOverAtMost = 128
  /// Of the target, what a run may be expected to take at most: what arrives while it runs has to wait for it. Where the target is
  /// missed already, a run may take all of it.
  var runShare = 0.8
}
