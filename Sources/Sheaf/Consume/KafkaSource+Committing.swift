import SheafKafka

/// From settled tickets to the group's offsets.
extension KafkaSource {
  /// When the next commit is due; nil: nothing to commit, or one is on its way.
  var commitDue: Nanoseconds? {
    guard commitsOut.isEmpty, ledger.hasProgress else { return nil }
    // A run until the end waits for nothing more when nothing is inside.
    let due = configuration.untilEnd && ledger.counts.inside == 0 ? lastCommit : lastCommit + configuration.commitInterval
    return max(due, noCommitBefore)
  }

  func commitIfDue(_ now: Nanoseconds) throws {
    guard let due = commitDue, now >= due else { return }
    lastCommit = now
    _ = ledger.takeProgress()
    let offsets = commitable(assignments.values.filter { !$0.leaving })
    guard !offsets.isEmpty else { return stopAtEnd() }
    try consumer.commit(offsets)
    commitsOut.append((false, generation))
  }

  func commitable(_ assignments: [Assignment]) -> [PartitionOffset] {
    noteTransactions(assignments)
    return assignments.compactMap { assignment in
      if assignment.isLost { return nil }
      let (offset, outstanding) = ledger.state(slot: assignment.slot)
      // With transactions what is answered is committed by them; what is left are positions past markers and gaps, which may not
      // overtake a transaction's offset.
      if configuration.delivery == .exactlyOnce, outstanding > 0 { return nil }
      return offset == assignment.committed ? nil : PartitionOffset(assignment.partition, offset)
    }
  }

  /// Learns what transactions have committed meanwhile.
  func noteTransactions(_ assignments: some Sequence<Assignment>) {
    guard configuration.delivery == .exactlyOnce else { return }
    for assignment in assignments { if let offset = ledger.committed(slot: assignment.slot) { assignment.committed = max(assignment.committed ?? -1, offset) } }
  }

  func committed(_ offsets: [PartitionOffset], _ error: KafkaError?, _ intake: any Intake) throws {
    let (isLast, asOf) = commitsOut.isEmpty ? (false, generation) : commitsOut.removeFirst()
    if asOf != generation {
      if isLast { try perform(machine.committed(now: monotonicNow()), intake) }
      return
    }
    var isDone = true
    for each in offsets {
      let code = each.errorCode != 0 ? each.errorCode : error?.code ?? 0
      switch CommitAnswer(code: code) {
      case .done: assignments[each.partition]?.committed = each.offset
      case .later:
        isDone = false
        ledger.markProgress()  // Tried again after the interval.
        noCommitBefore = monotonicNow() + configuration.commitInterval
      case .lost:
        if assignments.values.contains(where: { !$0.isLost }) { configuration.log("the group has expelled this member; waiting for its next assignment") }
        for assignment in assignments.values where !assignment.isLost {
          assignment.isLost = true
          assignment.leaving = true
          fence.end(slot: assignment.slot)
          consumer.hold(assignment.partition, true)
        }
        intake.withdrawBarred()
      case .refused:
        throw WorkerError("commit of \(each.partition) refused: \(error.map { "\($0)" } ?? "error \(code)")")
      }
    }
    if isLast {
      // A join that is under way refuses for a moment. At a rebalance five tries have to do, since others wait for the answer; at
      // shutdown the drain's bound decides.
      lastCommitTries = isDone ? 0 : lastCommitTries + 1
      if isDone || !machine.isStopping && lastCommitTries >= 5 {
        lastCommitTries = 0
        try perform(machine.committed(now: monotonicNow()), intake)
      } else {
        retryLastCommitAt = monotonicNow() + 200_000_000
      }
    }
    stopAtEnd()
  }

  /// With `untilEnd`: stops once every assigned partition is committed up to where it ended at the start.
  func stopAtEnd() {
    // Between a revoke and the next assignment there is nothing to go by.
    guard configuration.untilEnd, isAssigned, machine.phase == .steady else { return }
    let isDone = assignments.values.allSatisfy { assignment in
      guard let end = ends[assignment.partition], let committed = assignment.committed else { return false }
      return committed >= end
    }
    if isDone { stop() }
  }
}
