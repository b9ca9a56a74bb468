import SheafKafka

/// From librdkafka's records queue to the decode thread, with a look at the bounds.
extension KafkaSource {
  func take(_ intake: any Intake) throws {
    while !mayBeOvertaken, intake.hasRoom() {
      let room = ledger.room()
      let most = within(hold: min(Consumer.chunk, room.records, room.bytes == 0 ? 0 : max(1, room.bytes / meanBytes)))
      guard most > 0 else { return }
      let count = consumer.take(most, into: messages)
      guard count > 0 else { return }
      try sort(count, intake)
    }
  }

  /// A commit of its own is on its way although transactions commit what is answered: nothing is begun that one of them could
  /// commit first, since the later one of two counts, whatever its offset.
  private var mayBeOvertaken: Bool { configuration.delivery == .exactlyOnce && !commitsOut.isEmpty }

  /// Sends records on, takes note of notices, keeps aside what belongs to a held partition, and drops what is no longer ours.
  func sort(_ count: Int, _ intake: any Intake) throws {
    var kept = 0, total = 0
    var last: (key: SourceKey, assignment: Assignment)?
    for index in 0..<count {
      let message = messages[index]
      let key = SourceKey(topic: message.topicHandle, partition: message.partition)
      let assignment: Assignment?
      if let last, last.key == key {
        assignment = last.assignment
      } else {
        assignment = find(key, message)
        if let assignment { last = (key, assignment) }
      }
      guard let assignment, !assignment.leaving else {
        Message.destroy(message.handle)
        continue
      }
      if message.errorCode != 0 {
        try notice(message, assignment)
        continue
      }
      // The mark may have been acknowledged further on since it was looked at.
      if !assignment.held, message.offset >= assignment.begun { assignment.begun = ledger.mark(slot: assignment.slot) }
      if assignment.held || message.offset >= assignment.begun {
        if !assignment.held {
          assignment.held = true
          consumer.hold(assignment.partition, true)
          ledger.wait(slot: assignment.slot, for: message.offset)
        }
        assignment.aside.append(message)
        continue
      }
      messages[kept] = message
      let bytes = message.byteCount
      entries[kept] = Ledger.Entry(slot: assignment.slot, offset: message.offset, kept: UInt(bitPattern: message.handle), bytes: bytes)
      total += bytes
      kept += 1
    }
    guard kept > 0 else { return }
    meanBytes = (meanBytes * 3 + total / kept + 4) / 4  // Rounded up, so never 0.
    handOn(kept, intake)
  }

  func find(_ key: SourceKey, _ message: Message) -> Assignment? {
    if let known = bySource[key] { return known }
    let found = assignments[TopicPartition(message.topicName, message.partition)]
    if let found { bySource[key] = found }
    return found
  }

  /// Enters the first `count` of `messages` and `entries` in the ledger and sends them on.
  func handOn(_ count: Int, _ intake: any Intake) {
    let entered = UnsafeMutableBufferPointer(start: entries, count: count)
    let isAtSpan = ledger.enter(entered)
    let chunk = intake.emptyChunk()
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
        let isolated = suspects ?? intake.emptyChunk()
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
    guard isAtSpan else { return }
    for assignment in assignments.values where !assignment.held && !assignment.leaving && ledger.span(slot: assignment.slot) >= configuration.limits.span {
      assignment.held = ledger.hold(slot: assignment.slot)
      if assignment.held { consumer.hold(assignment.partition, true) }
    }
  }

  /// Partitions whose span has shrunk, or whose mark is further on, go on: first what was kept aside, then their queue.
  func releaseHeld(_ intake: any Intake) {
    if mayBeOvertaken { return }
    for assignment in assignments.values where assignment.held && !assignment.leaving && !assignment.isTopicHeld {
      if configuration.isolation.isOn { assignment.begun = ledger.mark(slot: assignment.slot) }
      while !ledger.hold(slot: assignment.slot), let first = assignment.aside.first, intake.hasRoom() {
        let count = assignment.aside.prefix(Consumer.chunk).prefix { $0.offset < assignment.begun }.count
        guard count > 0 else {
          ledger.wait(slot: assignment.slot, for: first.offset)
          break
        }
        for index in 0..<count {
          let message = assignment.aside[index]
          messages[index] = message
          entries[index] = Ledger.Entry(
            slot: assignment.slot, offset: message.offset, kept: UInt(bitPattern: message.handle), bytes: message.byteCount)
        }
        assignment.aside.removeFirst(count)
        handOn(count, intake)
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
      throw WorkerError("\(assignment.partition): offset \(message.offset) is not in the topic any more (\(error)); set the group's offset to one that is")
    }
    configuration.log("kafka: \(assignment.partition): \(error)")
  }

  func drop(_ messages: [Message]) { for message in messages { Message.destroy(message.handle) } }
}
