import SheafKafka

/// From settled tickets to the group's offsets.
extension KafkaSource {
  /// When the next commit is due; nil: nothing to commit, or one is on its way.
  var commitDue: Nanoseconds? {
    guard commitsOut.isEmpty else { return nil }
    if configuration.isolation.isOn, ledger.areMarksDue { return max(lastCommit, noCommitBefore) }
    guard ledger.hasProgress else { return nil }
    // A run until the end waits for nothing more when nothing is inside.
    let due = configuration.untilEnd && ledger.counts.inside == 0 ? lastCommit : lastCommit + configuration.commitInterval
    return max(due, noCommitBefore)
  }

  func commitIfDue(_ now: Nanoseconds) throws {
    guard let due = commitDue, now >= due else { return }
    lastCommit = now
    _ = ledger.takeProgress()
    _ = ledger.takeMarksDue()
    let offsets = commitable(assignments.values.filter { !$0.leaving })
    guard !offsets.isEmpty else { return stopAtEnd() }
    try consumer.commit(offsets)
    commitsOut.append((false, generation))
  }

  /// - Parameter isLast: the assignments end with this commit, in order.
  func commitable(_ assignments: [Assignment], isLast: Bool = false) -> [PartitionOffset] {
    noteTransactions(assignments)
    return assignments.compactMap { assignment in
      if assignment.isLost { return nil }
      let (offset, outstanding) = ledger.state(slot: assignment.slot)
      // With transactions what is answered is committed by them; what is left are positions past markers and gaps, and marks, which
      // may not overtake a transaction's offset.
      if configuration.delivery == .exactlyOnce, outstanding > 0 { return nil }
      // A mark is taken back, or written further ahead, also where the offset is what it was.
      let isMarkNew = configuration.isolation.isOn && (isLast ? assignment.isMarked : ledger.isMarkDue(slot: assignment.slot))
      guard offset != assignment.committed || isMarkNew else { return nil }
      if isLast {
        let mark = ledger.lastMark(slot: assignment.slot, committing: offset, isInOrder: outstanding == 0 && !leavesMarks.load(ordering: .acquiring))
        return PartitionOffset(assignment.partition, offset, metadata: metadata(begun: mark))
      }
      assignment.isMarked = true
      return PartitionOffset(assignment.partition, offset, metadata: metadata(begun: ledger.proposeMark(slot: assignment.slot)))
    }
  }

  /// What a commit says beside its offset. Any thread.
  func metadata(begun: Int64?) -> String? { configuration.isolation.isOn ? CommitMark(holder: holder, begun: begun).metadata : nil }

  private func reviewMarks() { ledger.reviewMarks(assignments.values.lazy.filter { !$0.leaving }.map(\.slot)) }

  /// Learns what transactions have committed meanwhile.
  func noteTransactions(_ assignments: some Sequence<Assignment>) {
    guard configuration.delivery == .exactlyOnce else { return }
    for assignment in assignments { if let offset = ledger.committed(slot: assignment.slot) { assignment.committed = max(assignment.committed ?? -1, offset) } }
  }

  func committed(_ offsets: [PartitionOffset], _ error: KafkaError?, _ intake: any Intake) throws {
    let (isLast, asOf) = commitsOut.isEmpty ? (false, generation) : commitsOut.removeFirst()
    if asOf != generation {
      // It may have been refused: what is not known to be committed is committed again.
      ledger.markProgress()
      reviewMarks()
      if isLast { try perform(machine.committed(now: monotonicNow()), intake) }
      return
    }
    var isDone = true
    for each in offsets {
      let code = each.errorCode != 0 ? each.errorCode : error?.code ?? 0
      switch CommitAnswer(code: code) {
      case .done:
        guard let assignment = assignments[each.partition] else { continue }
        assignment.committed = each.offset
        commitWaitsFor = 0
        if let begun = each.metadata.flatMap(CommitMark.init)?.begun { ledger.acknowledgeMark(slot: assignment.slot, begun) }
      case .later:
        isDone = false
        if commitWaitsFor != code { configuration.log("kafka: the commit of \(each.partition) waits: \(error.map { "\($0)" } ?? "error \(code)")") }
        commitWaitsFor = code
        ledger.markProgress()  // Tried again after the interval.
        noCommitBefore = monotonicNow() + configuration.commitInterval
      case .lost:
        if assignments.values.contains(where: { !$0.isLost }) { configuration.log("the group has expelled this member; waiting for its next assignment") }
        lose(Array(assignments.values), intake)
      case .refused:
        throw WorkerError("commit of \(each.partition) refused: \(error.map { "\($0)" } ?? "error \(code)")")
      }
    }
    reviewMarks()
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

  /// Before the source ends by a fault: commits what is settled, within two seconds. A broker refuses it where the member is fenced.
  func commitSettled() {
    let offsets = commitable(Array(assignments.values), isLast: true)
    guard !offsets.isEmpty, (try? consumer.commit(offsets)) != nil else { return }
    let until = monotonicNow() + 2_000_000_000
    // Answers come in the order of the commits.
    var awaited = commitsOut.count + 1
    while awaited > 0, monotonicNow() < until {
      guard let event = consumer.nextEvent() else {
        wakeup.wait(until: until)
        continue
      }
      guard case .committed(let answered, let error) = event else { continue }
      awaited -= 1
      guard awaited == 0 else { continue }
      if let code = answered.first(where: { $0.errorCode != 0 })?.errorCode ?? error?.code, code != 0 {
        configuration.log("the last commit was refused: \(error.map { "\($0)" } ?? "error \(code)"); what is answered since the one before is answered again")
      }
    }
    if awaited > 0 { configuration.log("the last commit was not answered within 2 s; what is answered since the one before may be answered again") }
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
