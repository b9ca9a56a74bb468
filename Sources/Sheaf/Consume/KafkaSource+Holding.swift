import Synchronization

/// Holding: nothing more is taken, of all topics or of one, while polling, commits and rebalances go on and the member stays in
/// its group.
extension KafkaSource {
  /// What others ask for and the consume thread obeys.
  struct Holds {
    var topics: Set<Int32> = []
    /// Partitions of each topic assigned here.
    var assigned: [Int32: Int] = [:]
    var hasChanged = false
  }

  func hold(_ isHeld: Bool) {
    self.isHeld.store(isHeld, ordering: .releasing)
    wakeup.wake()
  }

  func hold(topic: Int32, _ isHeld: Bool) {
    holds.withLock { holds in
      if isHeld { holds.topics.insert(topic) } else { holds.topics.remove(topic) }
      holds.hasChanged = true
    }
    wakeup.wake()
  }

  func assignedPartitions(of topic: Int32) -> Int { holds.withLock { $0.assigned[topic] ?? 0 } }

  // MARK: The consume thread

  /// How many records to take: held, one at a time and only where none is inside, so that there is one to probe with.
  func within(hold most: Int) -> Int {
    guard isHeld.load(ordering: .acquiring) else { return most }
    return ledger.counts.inside == 0 ? min(1, most) : 0
  }

  /// Partitions have come or gone.
  func countAssigned() {
    holds.withLock { holds in
      holds.assigned = [:]
      for assignment in assignments.values { holds.assigned[assignment.topic, default: 0] += 1 }
      if !holds.topics.isEmpty { holds.hasChanged = true }
    }
  }

  func holdTopics() {
    let topics: Set<Int32>? = holds.withLock { holds in
      guard holds.hasChanged else { return nil }
      holds.hasChanged = false
      return holds.topics
    }
    guard let topics else { return }
    for assignment in assignments.values {
      assignment.isTopicHeld = topics.contains(assignment.topic)
      guard assignment.isTopicHeld, !assignment.held else { continue }
      assignment.held = true
      consumer.hold(assignment.partition, true)
    }
  }
}
