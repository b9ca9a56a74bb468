import SheafKafka

/// Sends kept outcomes as soon as those of earlier records of their partition are sent. Delivery reports settle them as ever.
final class OrderedSender {
  private let sink: KafkaSink
  private let outbox: Outbox
  private let outgoing = Outgoing()
  /// For what goes in the place of an outcome that is refused.
  private let direct: KafkaWriter
  private var gate = OrderGate<Answered>()

  init(_ sink: KafkaSink, _ outbox: Outbox) {
    self.sink = sink
    self.outbox = outbox
    direct = KafkaWriter(sink, .direct(waits: true))
  }

  func run() {
    var ready: [Answered] = []
    while let (entries, _) = outbox.take(until: nil, isMoving: false) {
      for entry in entries {
        if entry.isGivenUp {
          gate.giveUp(entry.ticket, turnAway: giveUp)
          giveUp(entry)
        } else {
          gate.add(entry.ticket, entry, pass: { ready.append($0) }, turnAway: giveUp)
        }
      }
      for entry in ready { send(entry) }
      ready.removeAll(keepingCapacity: true)
    }
    gate.removeAll { $0.release() }
    for entry in outbox.remains() { entry.release() }
  }

  private func send(_ entry: Answered) {
    // Whatever is not ours any more is answered by its next owner.
    guard sink.source.fence.owns(entry.ticket) else { return giveUp(entry) }
    if entry.first == nil {
      withUnsafePointer(to: entry.ticket) { sink.source.settle(UnsafeBufferPointer(start: $0, count: 1)) }
    } else {
      sink.source.require(UInt8(1 + entry.others.count), entry.ticket)
    }
    transmit(entry)
    outbox.release(entry)
  }

  private func transmit(_ entry: Answered) {
    entry.forEach { kept in
      guard case .refused(let error) = sink.send(kept, entry.ticket, outgoing) else { return }
      for (ticket, fault, outcome) in sink.replacements(Ticket(bits: entry.ticket.bits | UInt64(kept.outcome.rawValue)), error, direct) {
        _ = direct.send(fault, sink.source.record(ticket), as: outcome)
      }
    }
  }

  private func giveUp(_ entry: Answered) {
    outbox.release(entry)
    withUnsafePointer(to: entry.ticket) { sink.source.release(UnsafeBufferPointer(start: $0, count: 1)) }
  }
}

extension KafkaSink {
  enum Sending {
    case sent
    case refused(KafkaError)
    /// The worker has ended.
    case abandoned
  }

  /// Sends a kept outcome, waiting for room.
  func send(_ kept: KeptOutcome, _ ticket: Ticket, _ outgoing: Outgoing) -> Sending {
    let opaque = ticket.bits | UInt64(kept.outcome.rawValue)
    var seen = 0
    var isRetry = false
    outgoing.setHeaders(kept.headers)
    while true {
      switch outgoing.send(by: producer, to: kept.topic, partition: kept.partition, key: kept.key, value: kept.value, timestamp: kept.timestamp, opaque: opaque) {
      case .sent: return .sent
      case .full:
        // As in KafkaWriter: one more attempt after the count was read.
        if isRetry, !waitForRoom(since: seen) {
          outgoing.dropHeaders()
          return .abandoned
        }
        seen = reportCount
        isRetry = true
      case .failed(let error): return .refused(error)
      }
    }
  }
}
