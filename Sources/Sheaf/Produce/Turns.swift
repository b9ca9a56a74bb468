/// What was handed over for sending, in the order of each partition's records; of the thread that takes it out of the outbox.
final class Turns {
  private let source: any Source
  private let outbox: Outbox
  private var gate = OrderGate<Answered>()

  init(_ source: any Source, _ outbox: Outbox) {
    self.source = source
    self.outbox = outbox
  }

  /// Appends to `ready` whatever may go now; what never may is given up.
  func sort(_ entries: [Answered], into ready: inout [Answered]) {
    for entry in entries {
      if entry.isGivenUp {
        gate.giveUp(entry.ticket, turnAway: giveUp)
        giveUp(entry)
      } else {
        gate.add(entry.ticket, entry, pass: { ready.append($0) }, turnAway: giveUp)
      }
    }
  }

  /// Whatever is not this worker's any more is answered by its next owner.
  func giveUp(_ entry: Answered) {
    outbox.release(entry)
    source.release(entry.ticket)
  }

  /// Frees what waits, at the end; nobody is told.
  func end() {
    gate.removeAll { $0.release() }
    for entry in outbox.remains() { entry.release() }
  }
}
