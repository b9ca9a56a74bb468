import SheafKafka

/// What a broker's answer to a commit means for an assignment.
enum CommitAnswer: Equatable {
  case done
  /// Not now: a rebalance is going on, or the broker is away. Keep the tracker and commit again later.
  case later
  /// The member is no longer in the group, whatever `assignment_lost` says: stop reading, wait for the rebalance event.
  case lost
  /// The group will never accept it.
  case refused

  init(code: Int32) {
    switch code {
    case 0: self = .done
    case 25, 82: self = .lost  // UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID
    // TOPIC_ and GROUP_AUTHORIZATION_FAILED, OFFSET_METADATA_TOO_LARGE, INVALID_GROUP_ID, INVALID_COMMIT_OFFSET_SIZE, UNSUPPORTED_VERSION
    case 29, 30, 12, 24, 28, 35: self = .refused
    // ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, STALE_MEMBER_EPOCH come once at every cooperative join for partitions that
    // are kept; transport errors pass.
    default: self = .later
    }
  }
}
