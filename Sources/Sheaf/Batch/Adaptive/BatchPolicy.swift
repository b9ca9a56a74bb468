/// How batches are decided on.
public enum BatchPolicy: String, Sendable, Hashable, CaseIterable {
  /// As `BatchSettings` says, in order of arrival: exactly predictable.
  case fixed
  /// By what runs were measured to cost, towards the aim of `AdaptiveSettings`; `BatchSettings` bounds it.
  case adaptive
}

/// What an adaptive policy aims at. All may be changed while it serves.
public struct AdaptiveSettings: Sendable, Hashable {
  public enum Objective: String, Sendable, CaseIterable {
    /// The shortest answers: an idle lane does not wait; under backlog, the batch that drains fastest within the target.
    case latency
    /// The fewest device seconds a record within the target: where little arrives, requests wait for company as long as the target
    /// allows.
    case efficiency
  }

  public var objective = Objective.latency
  /// What 99 of 100 requests are to be answered within, from the broker's timestamp (LogAppendTime) or, without, from arrival, to the
  /// reply's acknowledgement; nanoseconds, 1 and more. Default 100 ms.
  public var latencyTarget: Nanoseconds = 100_000_000
  /// How many batches with a newer request may go before one that waits; 1 and more. Default 128.
  public var passedOverAtMost = 128
  /// Of the target, what a run may be expected to take at most: what arrives while it runs has to wait for it. Where the target is
  /// missed already, a run may take all of it.
  var runShare = 0.8

  public init() {}
}
