import SheafKafka

/// From librdkafka's records queue to the decode thread, with a look at the bounds.
extension KafkaSource {
  func take(_ intake: any Intake) throws {
    // Some chunks, then the thread looks after everything else.
    for _ in 0..<16 {
      if mayBeOvertaken { return }
      // A chunk of each in turn: which of them runs first is the batcher's business, how much of bulk is inside the ledger's.
      let interactive = try take(.interactive, intake)
      let bulk = try !configuration.topics.bulk.isEmpty && take(.bulk, intake)
      guard interactive || bulk else { return }
    }
    wakeup.wake()
  }

  /// Takes a chunk of a priority. - Returns: whether there may be more of it, and room.
  private func take(_ priority: Priority, _ intake: any Intake) throws -> Bool {
    guard intake.hasRoom(for: priority) else { return false }
    let room = ledger.room(priority), meanBytes = priority == .interactive ? meanBytes.interactive : meanBytes.bulk
    let most = within(hold: min(Consumer.chunk, room.records, room.bytes == 0 ? 0 : max(1, room.bytes / meanBytes)))
    guard most > 0 else { return false }
    let count = consumer.take(most, from: priority == .interactive ? .upper : .lower, into: messages)
    guard count > 0 else { return false }
    try sort(count, priority, intake)
    return true
  }

  /// A commit of its own is on its way although transactions commit what is answered: nothing is begun that one of them could
  /// commit first, since the later one of two counts, whatever its offset.
  private var mayBeOvertaken: Bool { configuration.delivery == .exactlyOnce && !commitsOut.isEmpty }

  /// Sends records on, takes note of notices, keeps aside what belongs to a held partition, and drops what is no longer ours.
  func sort(_ count: Int, _ priority: Priority, _ intake: any Intake) throws {
    var kept = 0, total = 0, seen = 0
    defer {
      // Where this ends by a fault: the rest, and what was to be handed on.
      if seen < count { for index in [0..<kept, seen..<count].joined() { Message.destroy(messages[index].handle) } }
    }
    var last: (key: SourceKey, assignment: Assignment)?
    for index in 0..<count {
      let message = messages[index]
      let key = SourceKey(topic: message.topicHandle, partition: message.partition)
      let found: Assignment?
      if let last, last.key == key {
        found = last.assignment
      } else {
        found = find(key, message)
        if let found { last = (key, found) }
      }
      guard var assignment = found, !assignment.leaving else {
        Message.destroy(message.handle)
        seen = index + 1
        continue
      }
      if message.offset < assignment.next, message.errorCode == 0 || message.isEndOfPartition {
        // What was taken of the old topic goes its way first: its assignment ends here.
        if kept > 0 { handOn(kept, priority, intake) }
        (kept, total) = (0, 0)
        assignment = try renew(assignment, at: message.offset, intake)
        last = (key, assignment)
      }
      seen = index + 1
      if message.errorCode != 0 {
        // The end lies behind what was taken before it, which has to be entered first.
        if message.isEndOfPartition, kept > 0 {
          handOn(kept, priority, intake)
          (kept, total) = (0, 0)
        }
        try notice(message, assignment)
        continue
      }
      assignment.next = message.offset + 1
      assignment.newest = max(assignment.newest, message.timestamp)
      // The mark may have been acknowledged further on since it was looked at.
      if !assignment.held, message.offset >= assignment.begun { assignment.begun = ledger.mark(slot: assignment.slot) }
      if assignment.held || message.offset >= assignment.begun {
        if !assignment.held {
          assignment.held = true
          consumer.hold(assignment.partition, true)
          ledger.wait(slot: assignment.slot, for: message.offset)
        }
        assignment.aside.append(message)
        ledger.setAside(records: 1, bytes: message.byteCount, priority)
        continue
      }
      messages[kept] = message
      let bytes = message.byteCount
      entries[kept] = Ledger.Entry(slot: assignment.slot, offset: message.offset, kept: UInt(bitPattern: message.handle), bytes: bytes)
      total += bytes
      kept += 1
    }
    guard kept > 0 else { return }
    func mean(_ before: Int) -> Int { (before * 3 + total / kept + 4) / 4 }  // Rounded up, so never 0.
    if priority == .interactive { meanBytes.interactive = mean(meanBytes.interactive) } else { meanBytes.bulk = mean(meanBytes.bulk) }
    handOn(kept, priority, intake)
  }

  func find(_ key: SourceKey, _ message: Message) -> Assignment? {
    if let known = bySource[key] { return known }
    let found = assignments[TopicPartition(message.topicName, message.partition)]
    if let found { bySource[key] = found }
    return found
  }

  /// Enters the first `count` of `messages` and `entries` in the ledger and sends them on.
  func handOn(_ count: Int, _ priority: Priority, _ intake: any Intake) {
    let entered = UnsafeMutableBufferPointer(start: entries, count: count)
    let isAtBound = ledger.enter(entered)
    let chunk = intake.emptyChunk(for: priority)
    chunk.priority = priority
    chunk.areSuspects = false
    var filled = 0
    var suspects: RecordChunk?
    let now = monotonicNow()
    var last: (slot: Int, topic: Int32, suspects: Int64) = (-1, 0, 0)
    for index in 0..<count {
      let message = messages[index]
      let entry = entries[index]
      if entry.slot != last.slot {
        let assignment = find(SourceKey(topic: message.topicHandle, partition: message.partition), message)
        last = (entry.slot, assignment?.topic ?? topics.index(message.topicName), assignment?.suspects ?? 0)
      }
      var record = Record(
        ticket: entry.ticket, topic: last.topic, partition: message.partition, offset: message.offset, timestamp: message.timestamp, arrival: now,
        key: message.key, value: message.value, headers: headers(message))
      record.isLogAppendTime = message.isLogAppendTime
      if message.offset >= last.suspects {
        (chunk.records + filled).initialize(to: record)
        filled += 1
      } else {
        let isolated = suspects ?? intake.emptyChunk(for: priority)
        if suspects == nil {
          isolated.areSuspects = true
          isolated.count = 0
          suspects = isolated
        }
        (isolated.records + isolated.count).initialize(to: record)
        isolated.count += 1
      }
    }
    if let suspects { intake.accept(suspects) }
    chunk.count = filled
    intake.accept(chunk)
    guard isAtBound else { return }
    for assignment in assignments.values where !assignment.held && !assignment.leaving && ledger.isAtBound(slot: assignment.slot) {
      assignment.held = ledger.hold(slot: assignment.slot)
      if assignment.held { consumer.hold(assignment.partition, true) }
    }
  }

  /// An offset that goes backwards: the topic was deleted and created again. The old assignment ends, so that nothing of it is
  /// committed over the new topic's offsets, and a new one begins at `offset`.
  func renew(_ old: Assignment, at offset: Int64, _ intake: any Intake) throws -> Assignment {
    configuration.log("\(old.partition): offset \(offset) came after \(old.next - 1): the topic was deleted and created again; reading goes on from there")
    fence.bar(slot: old.slot)
    intake.withdrawBarred()
    dropAside(old)
    if old.held { consumer.hold(old.partition, false) }
    close(old.partition)
    bySource = [:]
    if configuration.untilEnd { ends[old.partition] = try? consumer.watermarks(old.partition, timeout: 5000).high }
    // An answer to a commit of the old offsets says nothing of the new.
    generation += 1
    defer { countAssigned() }
    return try begin(PartitionOffset(old.partition, offset), committed: nil, suspects: 0)
  }

  /// Partitions whose span has shrunk, or whose mark is further on, go on: first what was kept aside, then their queue.
  func releaseHeld(_ intake: any Intake) {
    if mayBeOvertaken { return }
    for assignment in assignments.values where assignment.held && !assignment.leaving && !assignment.isTopicHeld {
      if configuration.isolation.isOn { assignment.begun = ledger.mark(slot: assignment.slot) }
      while !ledger.hold(slot: assignment.slot), let first = assignment.aside.first, intake.hasRoom(for: assignment.priority) {
        let count = assignment.aside.prefix(Consumer.chunk).prefix { $0.offset < assignment.begun }.count
        guard count > 0 else {
          ledger.wait(slot: assignment.slot, for: first.offset)
          break
        }
        var total = 0
        for index in 0..<count {
          let message = assignment.aside[index], bytes = message.byteCount
          messages[index] = message
          entries[index] = Ledger.Entry(slot: assignment.slot, offset: message.offset, kept: UInt(bitPattern: message.handle), bytes: bytes)
          total += bytes
        }
        assignment.aside.removeFirst(count)
        ledger.setAside(records: -count, bytes: -total, assignment.priority)
        handOn(count, assignment.priority, intake)
      }
      guard assignment.aside.isEmpty, !ledger.hold(slot: assignment.slot), !ledger.isBeyondMark(slot: assignment.slot) else { continue }
      assignment.held = false
      consumer.hold(assignment.partition, false)
      if let end = assignment.endSeen {
        assignment.endSeen = nil
        ledger.advance(slot: assignment.slot, to: end)
      }
    }
  }

  /// Once all suspects are settled, and committed, the next owner need not try them, and the child has done its work.
  func reviewSuspects(_ intake: any Intake) {
    for assignment in assignments.values where assignment.suspects > 0 && assignment.committed ?? -1 >= assignment.suspects { assignment.suspects = 0 }
    guard assignments.values.allSatisfy({ $0.suspects == 0 }) else { return }
    hasSuspects = false
    intake.suspectsSettled()
  }

  func notice(_ message: Message, _ assignment: Assignment) throws {
    defer { Message.destroy(message.handle) }
    if message.isEndOfPartition {
      if assignment.aside.isEmpty { ledger.advance(slot: assignment.slot, to: message.offset) } else { assignment.endSeen = message.offset }
      return
    }
    guard let error = message.error else { return }
    if error.name == "_AUTO_OFFSET_RESET" || error.name == "OFFSET_OUT_OF_RANGE" {
      throw WorkerError("\(assignment.partition): offset \(message.offset) is not in the topic\(outOfRange(message.offset, assignment.partition)) (\(error.name))")
    }
    configuration.log("kafka: \(assignment.partition): \(error)")
  }

  /// Why an offset is out of range, and what to do.
  private func outOfRange(_ offset: Int64, _ partition: TopicPartition) -> String {
    let group = configuration.kafka["group.id"] ?? "", topic = "\(partition.topic):\(partition.partition)"
    let reset = "kafka-consumer-groups.sh --group \(group) --topic \(topic) --reset-offsets --to-earliest --execute"
    guard let (low, high) = try? consumer.watermarks(partition, timeout: 2000) else { return "; set the group's offset to one that is: \(reset)" }
    if offset < low {
      return ", which begins at \(low): \(low - offset) records were deleted, by retention perhaps, before they were answered; to go on with those that are left, \(reset)"
    }
    return ", which ends at \(high): it was created again, or has lost records; to read what is there, \(reset)"
  }

  func dropAside(_ assignment: Assignment) {
    guard !assignment.aside.isEmpty else { return }
    ledger.setAside(records: -assignment.aside.count, bytes: -assignment.aside.reduce(0) { $0 + $1.byteCount }, assignment.priority)
    for message in assignment.aside { Message.destroy(message.handle) }
    assignment.aside = []
  }
}
