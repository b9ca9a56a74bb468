/// Topics that are held because most of their records are malformed, and their records that were taken before that: kept undecoded
/// until the topic goes on. Belongs to the decode thread.
struct HeldTopics {
  private var malformed = MalformedGuard()
  private var machines: [Int32: HoldMachine] = [:]
  private var kept: [Int32: [Record]] = [:]
  /// Which of the kept the next probe tries.
  private var probes = 0

  /// Some topic is held.
  private(set) var isAny = false
  /// Why each is held.
  var reasons: [Int32: String] { machines.compactMapValues(\.reason) }
  /// When the next probe is due.
  var deadline: Nanoseconds? { isAny ? machines.values.compactMap(\.probeAt).min() : nil }

  func isHeld(_ topic: Int32) -> Bool { machines[topic]?.isHeld ?? false }

  mutating func keep(_ record: Record) { kept[record.topic, default: []].append(record) }

  /// Records of one partition were decoded. - Returns: why their topic is held from now on; nil: it is not.
  mutating func note(_ topic: Int32, _ partition: Int32, records: Int, malformed count: Int, assigned: () -> Int, now: Nanoseconds) -> String? {
    malformed.note(topic, partition, records: records, malformed: count)
    guard count > 0, let reason = malformed.flood(topic, assigned: assigned()) else { return nil }
    isAny = true
    guard machines[topic, default: HoldMachine()].hold(reason, now: now, random: .random(in: 0 ... .max)) else { return nil }
    return reason
  }

  /// The topics that a probe is due of, each with a record to try, or none where nothing was kept.
  mutating func due(_ now: Nanoseconds) -> [(topic: Int32, record: Record?)] {
    var due: [(topic: Int32, record: Record?)] = []
    for topic in machines.keys where machines[topic]!.isHeld && machines[topic]!.enter(now) == .probe {
      let records = kept[topic] ?? []
      probes += 1
      due.append((topic, records.isEmpty ? nil : records[probes % records.count]))
    }
    return due
  }

  /// - Returns: the kept records, where the topic goes on.
  mutating func probed(_ topic: Int32, _ succeeded: Bool, _ now: Nanoseconds) -> [Record]? {
    guard machines[topic]!.probed(succeeded, now: now, random: .random(in: 0 ... .max)) else { return nil }
    return goOn(topic)
  }

  /// By order: all go on. - Returns: their kept records.
  mutating func resume() -> [(topic: Int32, records: [Record])] {
    machines.keys.sorted().compactMap { topic in machines[topic]!.resume() ? (topic, goOn(topic)) : nil }
  }

  /// Takes out the kept records for which `shouldLeave` holds.
  mutating func withdraw(where shouldLeave: (Record) -> Bool) -> [Record] {
    var leaving: [Record] = []
    for (topic, records) in kept {
      leaving += records.filter(shouldLeave)
      kept[topic] = records.filter { !shouldLeave($0) }
    }
    return leaving
  }

  private mutating func goOn(_ topic: Int32) -> [Record] {
    malformed.forget(topic)
    isAny = machines.values.contains { $0.isHeld }
    return kept.removeValue(forKey: topic) ?? []
  }
}
