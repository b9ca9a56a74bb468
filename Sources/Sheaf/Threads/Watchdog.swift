/// Notices what does not come to its end: a run, a turn of the consume thread, a reply without an acknowledgement. A thread around a
/// `StallMachine` that sleeps until the earliest deadline, and for good while nothing goes on.
final class Watchdog: @unchecked Sendable {  // Everything mutable is protected by `monitor`, or set before the threads start.
  /// What one thread reports to. Nothing here is done per record.
  struct Watch: Sendable {
    fileprivate let watchdog: Watchdog
    fileprivate let place: Int

    /// Something begins: a run of so many rows of these requests, or a turn.
    func begin(rows: Int = 0, _ from: Record? = nil, _ to: Record? = nil) { watchdog.begin(place, Doing(rows: rows, from: from, to: to)) }
    func end() { watchdog.end(place) }
  }

  fileprivate struct Doing {
    var rows: Int
    var from: Record?
    var to: Record?
  }

  /// Messages that are not acknowledged, reports seen so far, and whether a connection has failed since the last.
  struct Acknowledgements: Sendable, Equatable {
    var outstanding: Int
    var reports: Int
    var isOutage: Bool
  }

  private let monitor = Monitor()
  private var machine: StallMachine
  private var names: [String] = []
  private var doing: [Doing?] = []
  private var sleepsWithoutDeadline = false
  private var isEnded = false
  private let replies: Int
  private var acknowledged = Acknowledgements(outstanding: 0, reports: 0, isOutage: false)

  private let source: any Source
  private let acknowledgements: @Sendable () -> Acknowledgements
  private let log: @Sendable (String) -> Void

  /// - Parameters:
  ///   - bound: nanoseconds after which something has stalled; it is told of after a quarter of them.
  ///   - acknowledgements: asked when the watchdog looks, by its thread.
  init(bound: Nanoseconds, source: any Source, acknowledgements: @escaping @Sendable () -> Acknowledgements, log: @escaping @Sendable (String) -> Void) {
    machine = StallMachine(bound: bound)
    self.source = source
    self.acknowledgements = acknowledgements
    self.log = log
    replies = machine.add()
    names = ["replies"]
    doing = [nil]
  }

  /// Before the thread starts.
  func add(_ name: String) -> Watch {
    monitor.locked {
      names.append(name)
      doing.append(nil)
      return Watch(watchdog: self, place: machine.add())
    }
  }

  /// What goes on for too long now.
  var stalls: [String] {
    let now = monotonicNow()
    let told = monitor.locked { machine.told.map { ($0.place, $0.since, doing[$0.place]) } }
    return told.map { describe($0.0, $0.2, now - $0.1) }
  }

  fileprivate func begin(_ place: Int, _ what: Doing) {
    let now = monotonicNow()
    monitor.locked {
      machine.begin(place, now)
      doing[place] = what
      // A thread that sleeps until a deadline finds this one when it wakes, since it is later.
      if sleepsWithoutDeadline { monitor.signal() }
    }
  }

  fileprivate func end(_ place: Int) {
    let since = monitor.locked { machine.end(place) }
    if let since { log("\(names[place]) goes on, after \((monotonicNow() - since) / 1_000_000) ms") }
  }

  // MARK: The watchdog's thread

  /// Until `end()`. - Parameters:
  ///   - stalled: the first thing that reached the bound.
  ///   - grace: nanoseconds from there to `abandon`, where the worker has not ended by itself.
  func run(grace: Nanoseconds, stalled: (String) -> Void, abandon: () -> Void) {
    var end: Nanoseconds?
    while let verdicts = nextVerdicts(&end) {
      for verdict in verdicts {
        let now = monotonicNow()
        switch verdict {
        case .slow(let place, let since): log("slow: \(describe(place, now - since))")
        case .stalled(let place, let since):
          stalled(describe(place, now - since))
          end = now + grace
        }
      }
      if let end, monotonicNow() >= end { return abandon() }
    }
  }

  private func nextVerdicts(_ end: inout Nanoseconds?) -> [StallMachine.Verdict]? {
    sample()
    return monitor.locked {
      while !isEnded {
        let now = monotonicNow(), verdicts = machine.look(now)
        if !verdicts.isEmpty { return verdicts }
        if let end, now >= end { return [] }
        // Acknowledgements come without a word to this thread.
        let nextSample = acknowledged.outstanding > 0 ? now + machine.bound / 4 : nil
        let deadline = [machine.deadline, end, nextSample].compactMap(\.self).min()
        if let deadline, deadline <= now { return [] }
        sleepsWithoutDeadline = deadline == nil
        monitor.wait(until: deadline)
        sleepsWithoutDeadline = false
        // Acknowledgements are asked for without the lock.
        if let deadline, monotonicNow() >= deadline { return [] }
      }
      return nil
    }
  }

  /// Looks whether replies are on their way, and whether any came back since the last look.
  private func sample() {
    let new = acknowledgements(), now = monotonicNow()
    let wasSlow = monitor.locked {
      defer { acknowledged = new }
      var wasSlow = false
      if new.outstanding == 0 || new.reports != acknowledged.reports || acknowledged.outstanding == 0 {
        wasSlow = machine.end(replies) != nil
        if new.outstanding > 0 { machine.begin(replies, now) }
      }
      // Where brokers are away nothing is wrong with this worker: librdkafka goes on trying.
      machine.excuse(replies, new.isOutage)
      return wasSlow
    }
    if wasSlow { log("replies are acknowledged again") }
  }

  func end() {
    monitor.locked {
      isEnded = true
      monitor.broadcast()
    }
  }

  private func describe(_ place: Int, _ time: Nanoseconds) -> String { describe(place, monitor.locked { doing[place] }, time) }

  private func describe(_ place: Int, _ what: Doing?, _ time: Nanoseconds) -> String {
    let name = names[place], time = time >= 10_000_000_000 ? "\(time / 1_000_000_000) s" : "\(time / 1_000_000) ms"
    if place == replies {
      let state = monitor.locked { acknowledged }
      return "\(state.outstanding) replies are not acknowledged, none for \(time)\(state.isOutage ? ", since brokers are away" : "")"
    }
    guard let what, let from = what.from, let to = what.to else { return "\(name) has not come round for \(time)" }
    return "\(name) has run \(what.rows) rows for \(time), of records \(self.place(from)) to \(self.place(to))"
  }

  private func place(_ record: Record) -> String { "\(source.topicName(record.topic))/\(record.partition) offset \(record.offset)" }
}
