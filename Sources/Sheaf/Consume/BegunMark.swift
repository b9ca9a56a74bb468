/// How far records of one assignment may be handed on: only below a mark that the group's coordinator has acknowledged, so that
/// after a crash the next owner knows what may have been at work.
///
/// Pure. The mark is written ahead, with a stride that follows the rate: a fast reader seldom needs a commit for it alone, and a
/// slow one leaves little under suspicion.
struct BegunMark: Equatable {
  /// Records below it may be handed on.
  private(set) var acknowledged: Int64
  /// Records below it were at work when the partition's last holder ended without a word; what is not settled of them stays marked.
  let suspects: Int64
  /// What the transaction under way says; see `Ledger.mark`.
  private(set) var proposed: Int64
  private var stride: Int64
  /// Where reading was when the mark was last proposed.
  private var lastNext: Int64
  private let strides: ClosedRange<Int64>

  /// - Parameters:
  ///   - position: where reading begins.
  ///   - suspects: the end of what is suspect; `position` or below: nothing is.
  ///   - span: the most a partition has at work, which the stride stays within.
  init(position: Int64, suspects: Int64, span: Int) {
    acknowledged = position
    proposed = position
    lastNext = position
    self.suspects = suspects
    let most = max(1, Int64(span))
    strides = min(500, most)...min(10_000, most)
    stride = min(4000, most)
  }

  /// The mark for a commit made now. - Parameter next: the offset of the next record to be handed on.
  mutating func propose(next: Int64) -> Int64 {
    // Three times what was read since the last mark lasts for three commit intervals, or more than the last early commit.
    if next > lastNext { stride = min(max((next - lastNext) * 3, strides.lowerBound), strides.upperBound) }
    lastNext = next
    proposed = max(acknowledged, next + stride, suspects)
    return proposed
  }

  mutating func acknowledge(_ begun: Int64) { acknowledged = max(acknowledged, begun) }

  /// Half of the stride is used: a commit for the mark alone is due, so that reading never waits for it.
  func isDue(next: Int64) -> Bool { next + stride / 2 >= acknowledged }

  /// What a last commit says: nothing is at work, nil, where the end is in order. But suspects that were not tried stay suspect.
  /// - Parameter begun: where the end is not in order, the offset before which records have begun.
  func last(committing offset: Int64, begun: Int64? = nil) -> Int64? {
    let end = max(suspects, begun ?? 0)
    return offset < end ? end : nil
  }
}
