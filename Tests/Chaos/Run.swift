import Glibc
import SheafKafka
import SheafTesting

/// A Kafka, workers, requests, and what the plan does to them; ends when everything planned has happened and all is committed.
final class Run {
  static let group = "chaos", requests = "requests", replies = "replies", deadLetters = "dead"
  /// Milliseconds after which the group gives a worker up.
  static let session = 4000
  /// `limits.records` of the workers.
  static let recordsInside = 4000

  struct Tally {
    var kills = 0, stops = 0, restarts = 0, cuts = 0, joins = 0
    /// The most records a worker had inside when it was killed, and the fewest that were waiting then.
    var mostInside = 0, leastLag = Int.max
    var seconds = 0.0
  }

  private let options: Options
  let kafka: RealKafka
  let fleet: Fleet
  private let sender: Sender
  private var plan: Plan
  private let admin: Admin
  private let begun = monotonicSeconds()
  private(set) var tally = Tally()
  /// What went wrong; empty: nothing so far.
  private(set) var faults: [String] = []
  private var committed = 0
  /// Things to be undone, and when.
  private var later: [(at: Double, action: () -> Void)] = []
  /// A broker is being restarted; with what went wrong with it.
  private let restarting = Locked<(isUnderWay: Bool, fault: String?)>((false, nil))

  init(_ options: Options, in directory: String) throws {
    self.options = options
    var random = SeededGenerator(seed: options.seed)
    plan = Plan(options, session: Double(Run.session) / 1000, &random)
    let kafka = try RealKafka(nodes: 3, proxied: true)
    self.kafka = kafka
    for topic in [Run.requests, Run.replies, Run.deadLetters] { try kafka.createTopic(topic, partitions: options.partitions) }
    admin = try Admin([("bootstrap.servers", kafka.bootstrap), ("group.id", Run.group)])
    fleet = try Fleet(
      [
        kafka.proxiedBootstrap, Run.group, Run.requests, Run.replies, "deadLetters=\(Run.deadLetters)", "rows=64", "lanes=2", "busy=2000-8000",
        "poison=true", "crash=\(options.crash > 0)", "records=\(Run.recordsInside)", "message.max.bytes=\(Requests.largestReply)",
        "delivery=\(options.isExactlyOnce ? "exactly-once" : "at-least-once")", "session.timeout.ms=\(Run.session)", "heartbeat.interval.ms=500",
        "fetch.wait.max.ms=20",
      ] + options.settings, in: directory)
    sender = Sender(Requests(options), to: kafka.bootstrap, topic: Run.requests, count: options.records, lead: 5 * Run.recordsInside)
  }

  func go() throws {
    for _ in 0..<options.workers { try fleet.start() }
    var lastProgress = monotonicSeconds()
    var waitingSince: Double?
    while true {
      let now = monotonicSeconds()
      let state = sender.state.withLock { $0 }
      if let failure = state.failure ?? restarting.withLock({ $0.fault }) { return faults.append(failure) }
      if noteCommitted() { lastProgress = now }
      try fleet.tend(now)
      for due in later.filter({ $0.at <= now }) { due.action() }
      later.removeAll { $0.at <= now }
      if let step = plan.next, committed >= step.after {
        waitingSince = waitingSince ?? now
        if try perform(step, lag: state.sent - committed) {
          _ = plan.removeFirst()
          waitingSince = nil
          lastProgress = now
        } else if now - waitingSince! > options.patience {
          return faults.append("\(step.blow) found nothing to hit for \(Int(options.patience)) s: the workers are idle")
        }
      } else if state.isDone, plan.next == nil, committed >= options.records {
        break
      }
      if now - lastProgress > options.patience {
        return faults.append("stuck: \(state.sent) sent, \(committed) committed, nothing more for \(Int(options.patience)) s; committed \(offsets)")
      }
      usleep(50_000)
    }
    tally.seconds = monotonicSeconds() - begun
    while restarting.withLock({ $0.isUnderWay }) { usleep(100_000) }
    for due in later { due.action() }
    for member in fleet.members { if let fault = fleet.end(member) { faults.append(fault) } }
    faults += fleet.deserters
  }

  // MARK: Progress

  private var offsets: [Int64] {
    let partitions = (0..<options.partitions).map { TopicPartition(Run.requests, Int32($0)) }
    return (try? admin.committed(partitions, timeout: 2000).map { max(0, $0.offset) }) ?? []
  }

  /// - Returns: whether more is committed than before.
  private func noteCommitted() -> Bool {
    let sum = Int(offsets.reduce(0, +))
    guard sum > committed else { return false }
    committed = sum
    sender.state.withLock { $0.committed = sum }
    return true
  }

  // MARK: Blows

  /// - Returns: false where there was nothing to hit yet.
  private func perform(_ step: Plan.Step, lag: Int) throws -> Bool {
    let now = monotonicSeconds()
    switch step.blow {
    case .kill(let cutOff):
      guard lag > 0, fleet.busy(step.choice) != nil else { return false }
      let proxy = kafka.proxies[step.choice % kafka.proxies.count]
      if cutOff {
        proxy.setDown(true)
        usleep(UInt32(200_000 + step.choice % 500_000))
      }
      defer { if cutOff { proxy.setDown(false) } }
      guard let victim = fleet.busy(step.choice) else { return false }
      let inside = victim.load.inside
      fleet.kill(victim)
      tally.kills += 1
      tally.mostInside = max(tally.mostInside, inside)
      tally.leastLag = min(tally.leastLag, lag)
      tell("kill \(victim.name)\(cutOff ? ", cut off from broker \(step.choice % kafka.proxies.count)" : ""): \(inside) inside, \(lag) waiting")
      try fleet.start()
    case .stop(let seconds):
      guard lag > 0, let victim = fleet.busy(step.choice) else { return false }
      tell("stop \(victim.name) for \(seconds.rounded(to: 1)) s: \(victim.load.inside) inside, \(lag) waiting")
      fleet.stop(victim, until: now + seconds)
      tally.stops += 1
    case .restart(let inOrder, let seconds):
      let topics = [Run.requests, Run.replies, Run.deadLetters, "__consumer_offsets"]
      guard !restarting.withLock({ $0.isUnderWay }), kafka.client.isInSync(topics) else {
        plan.putOffRestart()
        return false
      }
      tell("\(inOrder ? "end" : "kill") broker \(step.choice % 3) for \(seconds.rounded(to: 1)) s")
      restart(broker: step.choice % 3, inOrder: inOrder, seconds: seconds)
      tally.restarts += 1
    case .cut:
      tell("cut \(step.choice % 4 == 3 ? "all connections" : "the connections to broker \(step.choice % 4)")")
      for (index, proxy) in kafka.proxies.enumerated() where step.choice % 4 == 3 || step.choice % 4 == index { proxy.cut() }
      tally.cuts += 1
    case .delay(let milliseconds, let seconds):
      tell("delay everything by \(milliseconds) ms for \(seconds.rounded(to: 1)) s")
      let proxies = kafka.proxies
      for proxy in proxies { proxy.setDelay(microseconds: UInt32(milliseconds * 1000)) }
      later.append((now + seconds, { for proxy in proxies { proxy.setDelay(microseconds: 0) } }))
      tally.cuts += 1
    case .join:
      guard let leaving = fleet.busy(step.choice) else { return false }
      tell("one joins, \(leaving.name) leaves in 2 s")
      try fleet.start()
      later.append((now + 2, { [unowned self] in
        guard fleet.members.contains(where: { $0 === leaving }) else { return }
        if let fault = fleet.end(leaving) { faults.append(fault) }
      }))
      tally.joins += 1
    }
    return true
  }

  private func restart(broker: Int, inOrder: Bool, seconds: Double) {
    restarting.withLock { $0.isUnderWay = true }
    let (kafka, restarting) = (kafka, restarting)
    pthread_detach(startThread {
      if inOrder { kafka.stop(broker) } else { kafka.kill(broker) }
      usleep(UInt32(seconds * 1_000_000))
      do { try kafka.restart(broker) } catch { restarting.withLock { $0.fault = "broker \(broker): \(error)" } }
      restarting.withLock { $0.isUnderWay = false }
    })
  }

  private func tell(_ line: String) { say("\((monotonicSeconds() - begun).rounded(to: 1)) s, \(committed) done: \(line)") }
}

extension Double {
  func rounded(to digits: Int) -> String {
    let scale = (0..<digits).reduce(1.0) { value, _ in value * 10 }
    return "\((self * scale).rounded() / scale)"
  }
}
