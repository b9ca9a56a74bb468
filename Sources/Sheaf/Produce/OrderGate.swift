/// Lets records of each assignment through in the order in which they were received, whatever order they are done in. Pure.
///
/// A record that was given up lets none behind it through: they are turned away, and the partition's next owner answers them.
struct OrderGate<Payload>: ~Copyable {
  struct Line {
    var epoch: UInt16
    /// The sequence number that goes next.
    var next: UInt32 = 0
    var waiting: [UInt32: Payload] = [:]
    /// How far behind `next` the first record is that was given up; nil: none was.
    var limit: UInt32?

    mutating func advance() {
      next &+= 1
      if let limit { self.limit = limit - 1 }
    }
  }

  private var lines: [Int: Line] = [:]
  /// Payloads that wait for earlier ones.
  private(set) var waiting = 0

  init() {}

  /// A record is done. Calls `pass` for every payload that may go now, in order, or `turnAway` where it never may.
  /// - Complexity: O(1) amortised.
  mutating func add(_ ticket: Ticket, _ payload: Payload, pass: (Payload) -> Void, turnAway: (Payload) -> Void) {
    var line = take(ticket)
    defer { lines[ticket.slot] = line }
    let distance = ticket.sequence &- line.next
    if let limit = line.limit, distance >= limit { return turnAway(payload) }
    // Mostly they come in order.
    guard distance == 0 else {
      line.waiting[ticket.sequence] = payload
      waiting += 1
      return
    }
    pass(payload)
    line.advance()
    while let payload = line.waiting.removeValue(forKey: line.next) {
      waiting -= 1
      pass(payload)
      line.advance()
    }
  }

  /// A record was given up: what waits behind it, and what of it comes later, is turned away.
  mutating func giveUp(_ ticket: Ticket, turnAway: (Payload) -> Void) {
    var line = take(ticket)
    defer { lines[ticket.slot] = line }
    let distance = ticket.sequence &- line.next
    if let limit = line.limit, distance >= limit { return }
    line.limit = distance
    for sequence in line.waiting.keys where sequence &- line.next >= distance {
      waiting -= 1
      turnAway(line.waiting.removeValue(forKey: sequence)!)
    }
  }

  /// Everything that waits, whosesoever.
  mutating func removeAll(_ turnAway: (Payload) -> Void) {
    for line in lines.values { for payload in line.waiting.values { turnAway(payload) } }
    lines = [:]
    waiting = 0
  }

  /// Taken out while it is changed, so that nothing is copied.
  private mutating func take(_ ticket: Ticket) -> Line {
    // A slot is used again only when every ticket of its last assignment has come back, so nothing can wait in it.
    if let line = lines.removeValue(forKey: ticket.slot), line.epoch == ticket.epoch { return line }
    return Line(epoch: ticket.epoch)
  }
}
