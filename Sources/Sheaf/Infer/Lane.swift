/// A thread with a runner of its own: takes the next batch, has it run, and has the replies sent. What is run next of a batch that fails is the `FailureMachine`'s decision, whether anything may run or
/// fail at all the `Gate`'s.
final class Lane {
  private let batcher: Batcher
  private let source: any Source
  private let runner: any BatchRunner
  private let writer: any OutcomeWriter
  private let gate: Gate
  private let signals: () -> DeviceSignals?
  private let batchLog: BatchLog?
  private let log: @Sendable (String) -> Void
  private let fail: (any Error) -> Void

  /// The batch at work.
  private var requests: [Request] = []
  private var reason = DispatchReason.full
  /// Withdrawals this lane has seen; see `Gate.pass`.
  private var seen = 0
  /// Which of the requests the next probe tries: another one every time, since one may be at fault itself.
  private var probes = 0
  private var lastRun = BatchRun()
  /// The longest row that ever ran.
  private var longest: Int?
  /// What the last run failed with.
  private var lastFault = ""
  private var lastCrashed = false
  private var lastBounds = RunBounds.none

  /// - Parameter fail: ends the worker, for what no other record can succeed with either.
  init(
    runner: any BatchRunner, batcher: Batcher, source: any Source, writer: any OutcomeWriter, gate: Gate, signals: @escaping () -> DeviceSignals? = { nil },
    batchLog: BatchLog? = nil, log: @escaping @Sendable (String) -> Void, fail: @escaping (any Error) -> Void
  ) {
    self.fail = fail
    self.log = log
    self.batchLog = batchLog
    self.batcher = batcher
    self.source = source
    self.runner = runner
    self.writer = writer
    self.gate = gate
    self.signals = signals
  }

  func run() {
    var barred: [Request] = [], expired: [Request] = []
    while let reason = batcher.next(&requests, barred: &barred, expired: &expired) {
      giveBack(barred)
      barred.removeAll(keepingCapacity: true)
      tell(expired)
      expired.removeAll(keepingCapacity: true)
      self.reason = reason
      if finish() { batcher.ran(rows: lastRun.requested) }
      requests.removeAll(keepingCapacity: true)
      if let signals = signals() { heed(signals) }
    }
  }

  /// Goes on until every request is answered, failed or given back. - Returns: whether all were answered by the first run.
  private func finish() -> Bool {
    var machine = FailureMachine(count: requests.count)
    var runs = 0, hasFailed = false
    while true {
      switch machine.step {
      case .done: return runs == 1 && !hasFailed
      case .run(let range):
        switch gate.pass(&seen) {
        case .run:
          // While it waited here, or between runs, some may have expired.
          if let standing = unexpired(machine.unanswered) {
            go(on: standing, &machine)
            continue
          }
          runs += 1
          guard let outcome = attempt(requests[range]) else { return giveUp(machine) }
          machine.ran(outcome, now: monotonicNow(), random: .random(in: 0 ... .max))
        case .probe:
          if let standing = unexpired(machine.unanswered) {
            go(on: standing, &machine)
            if standing.isEmpty { gate.probed(false) }
          }
          guard !machine.unanswered.isEmpty else { continue }
          runs += 1
          guard let rest = probe(machine.unanswered) else { return giveUp(machine) }
          go(on: rest, &machine)
        case .look: go(on: admitted(machine.unanswered), &machine)
        case .ended: return giveUp(machine)
        }
      case .fail(let index):
        let record = requests[index].record
        guard gate.failed(isFirstOfBatch: !hasFailed, "\(place(record)): \(lastFault)") else {
          machine.keep()
          continue
        }
        hasFailed = true
        writer.fail(record, lastCrashed ? RecordFault(.crashed, expected: "a record the model survives", came: lastFault)
          : RecordFault(.modelFailed, expected: "a record the model can answer", came: rowAtFault(requests[index]) + lastFault))
        requests[index].release()
        machine.told()
      case .wait(let until):
        gate.sleep(until: until, &seen)
        machine.waited(monotonicNow())
        let admitted = admitted(machine.unanswered)
        if admitted.count < machine.unanswered.count || admitted.isEmpty { go(on: admitted, &machine) }
      case .hold:
        gate.hold("the model is not available: \(lastFault)")
        machine.held()
      }
    }
  }

  /// Runs requests as one batch and answers them. - Returns: nil where the worker has to end.
  private func attempt(_ requests: ArraySlice<Request>) -> FailureMachine.Outcome? {
    lastCrashed = false
    // In halves that are known shapes: 20 rows of 150 tokens are within a bound of 4,096, but 32 of 256 are not.
    if requests.count > 1, runner.isNew(requests) { return .outOfMemory }
    lastBounds = requests.count == 1 ? batcher.runBounds : .none
    do {
      let begun = monotonicNow()
      lastRun = try runner.run(requests, within: lastBounds)
      explain(requests, begun)
    } catch let error as ModelLost {
      // Not these records' fault: they are answered again by whoever reads them next.
      fail(WorkerError("the model cannot go on: \(error)"))
      return nil
    } catch let error as ModelUnavailable {
      lastFault = "\(error)"
      return .unavailable
    } catch let error as ModelOutOfMemory {
      lastFault = "\(error)"
      return exhausted(requests)
    } catch let error as ChildCrashed {
      lastFault = "\(error)"
      lastCrashed = true
      return .crashed
    } catch {
      lastFault = "\(error)"
      return .failed
    }
    longest = max(longest ?? 0, lastRun.length)
    guard gate.ran(answered: requests.count - lastRun.failed, failed: lastRun.failed, "\(place(requests.last!.record)) or before: \(lastRun.firstFailure)") else { return .kept }
    // From the end of the run on, encoding included.
    if let last = requests.last { source.sample(last.record.ticket, now: monotonicNow()) }
    writer.answer(requests, batchRows: lastRun.requested) { runner.reply($0) }
    for request in requests { request.release() }
    return .answered
  }

  /// A run has ended: what it took is learned from, and told of now and then.
  private func explain(_ requests: ArraySlice<Request>, _ begun: Nanoseconds) {
    let line = batchLog?.line(monotonicNow()) {
      BatchLog.Batch(
        reason: reason, rows: lastRun.requested, length: lastRun.length, tokens: requests.reduce(0) { $0 + Int($1.rows) * Int($1.length) },
        waited: begun - min(begun, requests.lazy.map(\.record.arrival).min() ?? begun), ran: lastRun.parts.reduce(0) { $0 + $1.time },
        expected: lastRun.parts.count == 1 ? batcher.expected(rows: lastRun.rows, length: lastRun.length) : nil)
    } _: {
      batcher.totals
    }
    for part in lastRun.parts { batcher.ran(rows: part.shape.rows, length: part.shape.length, rowPadding: part.rowPadding, part.time) }
    if let line { log(line) }
  }

  // MARK: Held

  /// Runs one of the requests that wait alone. - Returns: those that wait on; nil where the worker has to end.
  private func probe(_ waiting: [Int]) -> [Int]? {
    let index = waiting[probes % waiting.count]
    probes += 1
    let outcome = attempt(requests[index...index])
    gate.probed(outcome == .answered)
    guard let outcome else { return nil }
    return outcome == .answered ? waiting.filter { $0 != index } : waiting
  }

  /// Those that have not expired, where some have, which are told; nil: none has.
  private func unexpired(_ waiting: [Int]) -> [Int]? {
    let now = monotonicNow()
    guard waiting.contains(where: { requests[$0].deadline <= now }) else { return nil }
    tell(waiting.filter { requests[$0].deadline <= now }.map { requests[$0] })
    return waiting.filter { requests[$0].deadline > now }
  }

  /// Those whose assignments still stand; the others are given back.
  private func admitted(_ waiting: [Int]) -> [Int] {
    let (admitted, barred) = (waiting.filter { source.fence.admits(requests[$0].record.ticket) }, waiting.filter { !source.fence.admits(requests[$0].record.ticket) })
    giveBack(barred.map { requests[$0] })
    return admitted
  }

  /// Goes on with these of the requests, as a batch of its own.
  private func go(on waiting: [Int], _ machine: inout FailureMachine) {
    if waiting.count == machine.unanswered.count { return }
    requests = waiting.map { requests[$0] }
    machine = FailureMachine(count: requests.count)
  }

  private func giveUp(_ machine: FailureMachine) -> Bool {
    giveBack(machine.unanswered.map { requests[$0] })
    return false
  }

  private func tell(_ expired: [Request]) {
    guard !expired.isEmpty else { return }
    let now = monotonicNow()
    for request in expired {
      writer.fail(request.record, .expired(late: Int64(now - request.deadline)))
      request.release()
    }
  }

  private func giveBack(_ barred: [Request]) {
    guard !barred.isEmpty else { return }
    for request in barred { request.release() }
    writer.release(barred.map(\.record.ticket))
  }

  // MARK: Out of memory

  private func heed(_ signals: DeviceSignals) {
    guard let bound = batcher.observed(signals) else { return }
    log("memory is near its limit (\(signals.memoryUsed ?? 0) of \(signals.memoryLimit ?? 0) bytes): batches have \(bound) rows at most for now")
  }

  private func exhausted(_ requests: ArraySlice<Request>) -> FailureMachine.Outcome? {
    let own = requests.reduce(0) { $0 + Int($1.rows) }, length = requests.map { Int($0.length) }.max() ?? 1
    let rows = requests.count == 1 ? requests.first.flatMap { lastBounds.rowsOfPart($0) } ?? own : own
    if rows > 1 {
      let bound = batcher.exhausted(rows: rows)
      log("out of memory with \(rows) rows of up to \(length): batches have \(bound) rows at most for now")
      // One request by itself is run in smaller parts.
      return requests.count > 1 ? .outOfMemory : .kept
    }
    // Is it this record, or would no record run any more? Only a row that is known to be good tells.
    guard let longest else { return .outOfMemory }
    let shorter = min(length, longest)
    do { try runner.runExample(length: shorter) } catch is ModelOutOfMemory {
      fail(WorkerError("the model cannot go on: out of memory even for one row of length \(shorter), which ran before: \(lastFault)"))
      return nil
    } catch let error as ModelLost {
      fail(WorkerError("the model cannot go on: \(error)"))
      return nil
    } catch {}
    return .outOfMemory
  }

  /// Which row of a request that failed alone it was: `row 17 of 40: `; or nothing, where it has one row, or none of them fails alone.
  private func rowAtFault(_ request: Request) -> String {
    guard request.rows > 1, let row = runner.failingRow(of: request) else { return "" }
    return "row \(row) of \(request.rows) (from 0): "
  }

  private func place(_ record: Record) -> String { "\(source.topicName(record.topic))/\(record.partition) offset \(record.offset)" }
}
