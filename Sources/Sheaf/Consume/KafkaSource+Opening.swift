import SheafKafka

/// Where partitions begin.
extension KafkaSource {
  /// Finds where partitions begin (their committed offset, else the configured start, which is committed at once) and answers
  /// the assign event.
  func open(_ partitions: [TopicPartition]) throws {
    unopened = nil
    // A pattern may match what the worker itself writes to.
    let topics = configuration.topics
    let written = [topics.replies, topics.deadLetters].compactMap(\.self) + topics.allowedReplies
    if let loop = partitions.first(where: { written.contains($0.topic) }) {
      throw WorkerError("topics.\(topics.priority(of: loop.topic) == .bulk ? "bulk" : "requests") matches \(loop.topic), which this worker writes to: replies would be read as requests; narrow the pattern")
    }
    do {
      // nil: the group has no offset for the partition yet.
      var begins: [(place: PartitionOffset, committed: Int64?, suspects: Int64)] = []
      for found in partitions.isEmpty ? [] : try consumer.committed(partitions, timeout: 2000) {
        let committed = try found.offset >= 0 && !isStale(found) ? found.offset : nil
        let needsMarks = committed == nil || configuration.untilEnd && ends[found.partition] == nil
        let marks = needsMarks ? try consumer.watermarks(found.partition, timeout: 5000) : (low: 0, high: 0)
        if configuration.untilEnd, ends[found.partition] == nil { ends[found.partition] = marks.high }
        let start = try committed == nil && gone[found.partition] == nil && beginsAtEnd(found.partition) ? marks.high : marks.low
        begins.append((PartitionOffset(found.partition, committed ?? start), committed, committed == nil ? 0 : try suspects(found)))
      }
      for (place, committed, suspects) in begins {
        _ = try begin(place, committed: committed, suspects: suspects)
      }
      bySource = [:]
      countAssigned()
      do {
        consumer.lowerTopics.formUnion(begins.map(\.place.partition.topic).filter { topics.priority(of: $0) == .bulk })
        try consumer.assign(begins.map(\.place))
      } catch {
        // Opened again with the next try.
        for begin in begins { close(begin.place.partition) }
        throw error
      }
      for partition in partitions { gone[partition] = nil }
      isAssigned = true
      generation += 1
      configuration.log("assigned \(describe(partitions))")
      stopAtEnd()
    } catch let error as KafkaError where !error.isFatal {
      if CommitAnswer(code: error.code) == .refused {
        throw WorkerError("where \(describe(partitions)) begin cannot be read: \(error); give the group read access to the topics and to its offsets")
      }
      // The assign event stays unanswered, so nothing is read before the group's offsets are known.
      configuration.log("cannot read the group's offsets yet: \(error)")
      unopened = (partitions, monotonicNow() + 500_000_000)
    }
  }

  /// Whether an offset is one that this worker has committed before the topic was deleted and created again: brokers forget the
  /// offsets of a deleted topic, but a commit that is on its way meanwhile may outlive it.
  ///
  /// That a topic is gone is also said of one that stays, by a broker that has just come back. One that was created again is
  /// shorter, or has nothing as old as what was read before its end.
  private func isStale(_ found: PartitionOffset) throws -> Bool {
    guard let old = gone[found.partition], found.metadata.flatMap(CommitMark.init)?.holder == holder else { return false }
    var isNew = try consumer.watermarks(found.partition, timeout: 5000).high < old.next
    if !isNew, old.newest >= 0, let later = try consumer.offset(found.partition, since: old.newest + 1, timeout: 5000) { isNew = later < old.next }
    if isNew { configuration.log("\(found.partition): the topic was created again; the offset \(found.offset) is of the old one, reading begins at the first record") }
    return isNew
  }

  /// Whether a partition without a commit begins at its end: where that is asked for, and it was there when its topic was first
  /// seen. What is in one that was added since came after this group had begun.
  private func beginsAtEnd(_ partition: TopicPartition) throws -> Bool {
    guard configuration.topics.start == .latest else { return false }
    let known = try partitionCounts[partition.topic] ?? consumer.partitions(partition.topic, timeout: 5000)
    partitionCounts[partition.topic] = known
    return Int(partition.partition) < known
  }

  /// Begins an assignment at a place.
  func begin(_ place: PartitionOffset, committed: Int64?, suspects: Int64) throws -> Assignment {
    let priority = configuration.topics.priority(of: place.partition.topic)
    guard let (slot, epoch) = ledger.open(position: place.offset, suspects: suspects, priority) else {
      throw WorkerError("more than \(Ticket.slots) partitions are assigned to this worker; start more workers")
    }
    let assignment = Assignment(
      place.partition, topic: topics.index(place.partition.topic), priority: priority, slot: slot, committed: committed, begun: configuration.isolation.isOn ? place.offset : .max,
      suspects: suspects)
    assignment.next = place.offset
    assignments[place.partition] = assignment
    hasSuspects = hasSuspects || suspects > 0
    fence.admit(slot: slot, epoch: epoch)
    // A start that the group does not know is committed at once.
    if committed == nil { ledger.advance(slot: slot, to: place.offset) }
    return assignment
  }

  /// The end of what a partition's last holder may have begun and not finished, where it ended without a word; 0: nothing.
  private func suspects(_ found: PartitionOffset) throws -> Int64 {
    guard configuration.isolation.isOn, let mark = found.metadata.flatMap(CommitMark.init), let begun = mark.begun, begun > found.offset else { return 0 }
    if mark.holder == holder { return suspects[found.partition] ?? 0 }
    // The mark is written ahead: what was not there yet cannot have begun.
    let end = min(begun, try consumer.watermarks(found.partition, timeout: 5000).high)
    suspects[found.partition] = end
    guard end > found.offset else { return 0 }
    configuration.log("\(found.partition): its last holder ended without a word; offsets \(found.offset) to \(end - 1), which it may have begun, are run in a child process")
    return end
  }

  /// These leave before they were opened: with the last of them the assign event that still waits is declined.
  func decline(_ partitions: [TopicPartition]) throws {
    guard unopened != nil else { return }
    unopened!.partitions.removeAll(where: partitions.contains)
    guard unopened!.partitions.isEmpty else { return }
    unopened = nil
    try consumer.assign([])
  }

  /// Ends an assignment: its late tickets still come back, and commit nothing.
  func close(_ partition: TopicPartition) {
    guard let assignment = assignments.removeValue(forKey: partition) else { return }
    fence.end(slot: assignment.slot)
    ledger.close(slot: assignment.slot)
  }
}
