import SheafKafka

/// Sends kept outcomes as soon as those of earlier records of their partition are sent. Delivery reports settle them as ever.
final class OrderedSender {
  private let sink: KafkaSink
  private let outbox: Outbox
  private let turns: Turns
  private let outgoing = Outgoing()
  /// For what goes in the place of an outcome that is refused.
  private let direct: KafkaWriter

  init(_ sink: KafkaSink, _ outbox: Outbox) {
    self.sink = sink
    self.outbox = outbox
    turns = Turns(sink.source, outbox)
    direct = KafkaWriter(sink, .direct(waits: true))
  }

  func run() {
    var ready: [Answered] = []
    while let (entries, _) = outbox.take(until: nil, isMoving: false) {
      turns.sort(entries, into: &ready)
      for entry in ready { send(entry) }
      ready.removeAll(keepingCapacity: true)
    }
    turns.end()
  }

  private func send(_ entry: Answered) {
    guard sink.source.fence.owns(entry.ticket) else { return turns.giveUp(entry) }
    if entry.first == nil { sink.source.settle(entry.ticket) } else { sink.source.require(UInt8(1 + entry.others.count), entry.ticket) }
    entry.forEach { kept in
      guard case .refused(let error) = kept.send(by: sink, entry.ticket, outgoing) else { return }
      for (ticket, fault, outcome) in sink.replacements(entry.ticket.with(outcome: kept.outcome.rawValue), error, direct) {
        _ = direct.send(fault, sink.source.record(ticket), as: outcome)
      }
    }
    outbox.release(entry)
  }
}
