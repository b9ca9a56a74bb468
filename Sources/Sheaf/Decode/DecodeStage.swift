import Synchronization

/// The decode thread: chunks of records in, decoded requests out to the batcher. What cannot be decoded is told to its sender
/// here and never meets a batch.
final class DecodeStage: Intake, @unchecked Sendable {  // The inbox is protected by `monitor`; the rest belongs to the thread.
  private let source: any Source
  private let batcher: Batcher
  private let priority: Priority
  private let decoder: RequestDecoder
  /// When the log last told something of a record that was read; 0: never.
  private var noticed: Nanoseconds = 0
  private let deadlines: Deadlines
  private let writer: any OutcomeWriter
  private let withdrawn: @Sendable () -> Void

  private let monitor = Monitor()
  private var inbox = Ring<RecordChunk>()
  private var spare: [RecordChunk] = []
  private var isEnded = false
  /// Records in the inbox.
  private var waiting = 0
  private var sourceWaits = false
  private var wantsResume = false
  private var wantsWithdrawal = false
  /// The chunk in hand does not wait for the batcher: some of it may be barred.
  private let isHurried = Atomic(false)
  private var reasons: [String] = []

  private var held = HeldTopics()
  private let log: @Sendable (String) -> Void
  /// Where the last malformed record was, and what was wrong with it.
  private var lastFault = ""

  /// Records taken ahead of decoding, about. Few, so that a message is still in the processor's cache when the next stage touches
  /// it; the others are as well kept in librdkafka's queue.
  private static let ahead = 4 * RecordChunk.capacity

  /// Handed on together at most, or what half a millisecond gave: neither latency nor memory grows with the chunk.
  private static let handOn = 64
  private static let handOnAfter: Nanoseconds = 500_000

  /// - Parameters:
  ///   - priority: of all its records.
  ///   - withdrawn: lanes that wait with requests in hand are to look which of them still stand.
  init(
    source: any Source, batcher: Batcher, priority: Priority = .interactive, decoder: RequestDecoder, deadlines: Deadlines, writer: any OutcomeWriter, log: @escaping @Sendable (String) -> Void,
    withdrawn: @escaping @Sendable () -> Void
  ) {
    self.log = log
    self.withdrawn = withdrawn
    self.source = source
    self.batcher = batcher
    self.priority = priority
    self.decoder = decoder
    self.deadlines = deadlines
    self.writer = writer
  }

  // MARK: Intake, for the consume thread

  func hasRoom(for priority: Priority) -> Bool {
    monitor.locked {
      sourceWaits = waiting >= DecodeStage.ahead
      return !sourceWaits
    }
  }

  func emptyChunk(for priority: Priority) -> RecordChunk { monitor.locked { spare.popLast() } ?? RecordChunk() }

  func accept(_ chunk: RecordChunk) {
    monitor.locked {
      inbox.append(chunk)
      waiting += chunk.count
      monitor.signal()
    }
  }

  func withdrawBarred() {
    // Not left to the decode thread, which may wait for long behind the rows of partitions that stay.
    giveBack(takeBarred())
    giveBack(batcher.withdrawBarred())
    withdrawn()
    monitor.locked {
      wantsWithdrawal = true
      monitor.signal()
    }
  }

  /// Takes what is barred out of the inbox, to which nobody but the caller's thread adds; the chunk in hand is let pass.
  private func takeBarred() -> [Record] {
    var chunks: [RecordChunk] = []
    monitor.locked {
      while !inbox.isEmpty { chunks.append(inbox.removeFirst()) }
      isHurried.store(true, ordering: .releasing)
    }
    var barred: [Record] = []
    for chunk in chunks {
      var kept = 0
      for index in 0..<chunk.count {
        let record = chunk.records[index]
        if source.fence.admits(record.ticket) {
          chunk.records[kept] = record
          kept += 1
        } else {
          barred.append(record)
        }
      }
      chunk.count = kept
    }
    monitor.locked {
      for chunk in chunks { inbox.append(chunk) }
      waiting -= barred.count
      monitor.signal()
    }
    return barred
  }

  private func giveBack(_ barred: [Request]) {
    guard !barred.isEmpty else { return }
    for request in barred { request.release() }
    writer.release(barred.map(\.record.ticket))
  }

  func suspectsSettled() {}

  /// Nothing more will come: `run` ends when the inbox is empty.
  func end() {
    monitor.locked {
      isEnded = true
      monitor.signal()
    }
  }

  /// By order: topics that are held go on.
  func resume() {
    monitor.locked {
      wantsResume = true
      monitor.signal()
    }
  }

  /// Why topics are held, by name; empty: none is.
  var holds: [String] { monitor.locked { reasons } }

  // MARK: The decode thread

  func run() {
    let decoded = UnsafeMutableBufferPointer<Request>.allocate(capacity: DecodeStage.handOn)
    defer { decoded.deallocate() }
    while let work = nextWork() {
      switch work {
      case .chunk(let chunk):
        decode(UnsafeBufferPointer(start: chunk.records, count: chunk.count), decoded)
        // Those of suspects come from the other stage's spares, and are not asked for here.
        monitor.locked { if spare.count < 8 { spare.append(chunk) } }
      case .held(let resumes): lookAtHeld(resumes, decoded)
      }
    }
    giveBack(held.withdraw { _ in true })
  }

  private enum Work {
    case chunk(RecordChunk)
    /// Look at what is held: an order, a probe or a withdrawal is due.
    case held(resumes: Bool)
  }

  private func nextWork() -> Work? {
    var wakes = false
    let deadline = held.deadline
    let next: Work? = monitor.locked {
      while true {
        if wantsResume || wantsWithdrawal || deadline.map({ monotonicNow() >= $0 }) ?? false {
          let resumes = wantsResume
          wantsResume = false
          wantsWithdrawal = false
          return .held(resumes: resumes)
        }
        if !inbox.isEmpty { break }
        if isEnded { return nil }
        monitor.wait(until: deadline)
      }
      let chunk = inbox.removeFirst()
      waiting -= chunk.count
      isHurried.store(false, ordering: .releasing)
      wakes = sourceWaits && waiting <= DecodeStage.ahead / 2
      if wakes { sourceWaits = false }
      return .chunk(chunk)
    }
    if wakes { source.wake() }
    return next
  }

  private func decode(_ records: UnsafeBufferPointer<Record>, _ decoded: UnsafeMutableBufferPointer<Request>) {
    var count = 0
    let clocks = Clocks.now()
    var begun = clocks.monotonic
    func handOn() {
      if count > 0 { giveBack(batcher.add(UnsafeBufferPointer(rebasing: decoded[..<count]), priority, isHurried: { isHurried.load(ordering: .acquiring) })) }
      count = 0
    }
    // Records of one partition that follow one another, and how many of them are malformed.
    var run = (topic: Int32(-1), partition: Int32(-1), records: 0, malformed: 0)
    func endRun() {
      if run.records > 0 { note(run.topic, run.partition, run.records, run.malformed) }
      (run.records, run.malformed) = (0, 0)
    }
    for record in records {
      guard source.fence.admits(record.ticket) else {
        giveBack([record])
        continue
      }
      if record.partition != run.partition || record.topic != run.topic || run.records == DecodeStage.handOn {
        endRun()
        (run.topic, run.partition) = (record.topic, record.partition)
      }
      if held.isAny, held.isHeld(record.topic) {
        held.keep(record)
        continue
      }
      run.records += 1
      do throws(RecordFault) {
        let deadline = try deadlines.deadline(of: record, clocks)
        if let deadline, case let late = Int64(monotonicNow()) - deadline, late >= 0 { throw RecordFault.expired(late: late) }
        switch try decoder.decode(record) {
        case .request(var request):
          if let deadline { request.deadline = Nanoseconds(deadline) }
          if let notice = decoder.notice { tell(notice, record) }
          decoded.initializeElement(at: count, to: request)
          count += 1
        case .skip: writer.skip(record)
        }
      } catch {
        if error.code != .expired { run.malformed += 1 }
        lastFault = "\(record.partition) offset \(record.offset): expected \(error.expected), came \(error.came)"
        writer.fail(record, error)
      }
      if count == DecodeStage.handOn {
        handOn()
        begun = monotonicNow()
      } else if count & 7 == 7, monotonicNow() - begun >= DecodeStage.handOnAfter {
        handOn()
        begun = monotonicNow()
      }
    }
    handOn()
    endRun()
  }

  /// At most once in ten minutes, or the log would be full of it.
  private func tell(_ notice: String, _ record: Record) {
    let now = monotonicNow()
    guard noticed == 0 || now - noticed >= 600_000_000_000 else { return }
    noticed = now
    log("topic \(source.topicName(record.topic)) partition \(record.partition) offset \(record.offset): \(notice)")
  }

  // MARK: Topics that are held

  private func note(_ topic: Int32, _ partition: Int32, _ records: Int, _ malformed: Int) {
    let reason = held.note(topic, partition, records: records, malformed: malformed, assigned: { source.assignedPartitions(of: topic) }, now: monotonicNow())
    guard let reason else { return }
    source.hold(topic: topic, true)
    tellReasons()
    log("topic \(source.topicName(topic)) is held: \(reason), last partition \(lastFault); is topics.format right? It goes on by order, or when a probe of one record can be read")
  }

  private func lookAtHeld(_ resumes: Bool, _ decoded: UnsafeMutableBufferPointer<Request>) {
    giveBack(held.withdraw { !source.fence.admits($0.ticket) })
    if resumes { for (topic, records) in held.resume() { goOn(topic, records, decoded) } }
    for (topic, record) in held.due(monotonicNow()) {
      // Only a look: where it can be read it is decoded again in its turn.
      var isReadable = true
      if let record {
        do { if case .request(let request) = try decoder.decode(record) { request.release() } } catch { isReadable = false }
      }
      if let records = held.probed(topic, isReadable, monotonicNow()) { goOn(topic, records, decoded) }
    }
  }

  private func goOn(_ topic: Int32, _ records: [Record], _ decoded: UnsafeMutableBufferPointer<Request>) {
    tellReasons()
    log("topic \(source.topicName(topic)) goes on")
    records.withUnsafeBufferPointer { decode($0, decoded) }
    if !held.isHeld(topic) { source.hold(topic: topic, false) }
  }

  private func tellReasons() {
    let reasons = held.reasons.sorted { $0.key < $1.key }.map { "topic \(source.topicName($0.key)): \($0.value)" }
    monitor.locked { self.reasons = reasons }
  }

  private func giveBack(_ records: [Record]) {
    if !records.isEmpty { writer.release(records.map(\.ticket)) }
  }
}
