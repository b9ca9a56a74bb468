/// The waiting requests of one model, between the decode thread and the lanes: a monitor around `BatchQueues`.
final class Batcher: @unchecked Sendable {  // Everything mutable is protected by `monitor`.
  private let monitor = Monitor()
  private var machine: BatchQueues<Request>
  private let fence: Fence
  /// Decode waits while this many rows do: it decodes ahead some batches, not the whole intake.
  private let lanes: Int
  private var isEnded = false
  private var idleLanes = 0
  private var decodeWaits = false
  /// What the last lane that went to sleep was told to wait for.
  private var sleepsUntil = Nanoseconds.max
  private var tally = Tally()
  /// The settings as they were set; the machine's are within `bound` too.
  private var wished: BatchSettings
  private var bound = RowBound()
  private var pressure = PressureMachine()
  /// Rows of the largest batch so far.
  private var largest = 1

  private var idle = Spans(), waits = Spans()

  /// Time that lanes spend on something, those that are at it still included.
  private struct Spans {
    private var ended: Nanoseconds = 0
    private var open = 0
    /// Of those that are open.
    private var begins: Nanoseconds = 0

    mutating func begin(_ now: Nanoseconds) {
      open += 1
      begins += now
    }
    mutating func end(_ begin: Nanoseconds, _ now: Nanoseconds) {
      open -= 1
      begins -= begin
      ended += now - begin
    }
    func total(_ now: Nanoseconds) -> Nanoseconds { ended + UInt64(open) * now - begins }
  }

  /// What was dispatched so far.
  struct Tally: Sendable {
    var batches = 0
    var rows = 0
    /// Rows × longest of all batches, and what of it no row has.
    var tokens = 0
    var padding = 0
    /// Rows of padding, where shapes are rounded up.
    var rowPadding = 0
    /// Nanoseconds that lanes had nothing to run, and that they waited for company.
    var idle: Nanoseconds = 0
    var waited: Nanoseconds = 0
    /// Batches whose oldest request was expected to be late.
    var late = 0
    /// Batches by why they were dispatched.
    var reasons: [DispatchReason: Int] = [:]
    /// Batches by their rows, rounded up to a power of two: index 0: 1 row, 1: 2, 2: 3–4, …
    var sizes = [Int](repeating: 0, count: 24)
  }

  /// - Parameter bulkWait: nil: there are no bulk requests.
  init(_ settings: BatchSettings, lanes: Int, bulkWait: Nanoseconds? = nil, fence: Fence) {
    machine = BatchQueues(settings, lanes: lanes, bulkWait: bulkWait)
    wished = settings
    self.lanes = lanes
    self.fence = fence
  }

  /// The settings in force; a change is obeyed by the next batch.
  var settings: BatchSettings {
    get { monitor.locked { wished } }
    set {
      monitor.locked {
        wished = newValue
        applyBound()
      }
    }
  }

  /// What one run may hold, of a request that is larger by itself.
  var runBounds: RunBounds { monitor.locked { RunBounds(maxRows: machine.settings.maxRows, maxTokens: machine.settings.tokenBound) } }

  /// A batch of so many rows exhausted the memory. - Returns: the most rows a batch has for now.
  func exhausted(rows: Int) -> Int {
    monitor.locked {
      bound.exhausted(rows)
      applyBound()
      return machine.settings.maxRows
    }
  }

  /// A batch of so many rows has run, and its memory sufficed.
  func ran(rows: Int) {
    monitor.locked {
      guard let most = bound.rows, rows >= most, pressure.pressure == .none else { return }
      bound.ranFull(limit: wished.maxRows)
      applyBound()
    }
  }

  /// The memory may be near its limit. Any lane, with any reading. - Returns: the most rows a batch has now, where that is fewer.
  func observed(_ signals: DeviceSignals) -> Int? {
    monitor.locked {
      guard pressure.observe(signals) else { return nil }
      let before = machine.settings.maxRows
      bound.exhausted(min(before, largest))
      applyBound()
      return machine.settings.maxRows < before ? machine.settings.maxRows : nil
    }
  }

  /// Under the lock.
  private func applyBound() {
    var settings = wished
    settings.maxRows = min(wished.maxRows, bound.rows ?? .max)
    guard settings != machine.settings else { return }
    machine.settings = settings
    monitor.broadcast()
  }

  var totals: Tally {
    monitor.locked {
      let now = monotonicNow()
      var totals = tally
      (totals.idle, totals.waited) = (idle.total(now), waits.total(now))
      return totals
    }
  }

  /// Adds decoded requests; waits while enough of their priority are ahead. The caller is that priority's decode thread.
  /// - Parameter isHurried: where it turns true, it does not wait (`withdrawBarred` wakes it).
  /// - Returns: those whose assignment ended meanwhile. They were not there for `withdrawBarred`, and would wait until due.
  func add(_ requests: UnsafeBufferPointer<Request>, _ priority: Priority = .interactive, isHurried: () -> Bool = { false }) -> [Request] {
    let clocks = Clocks.now()
    return monitor.locked {
      var barred: [Request] = []
      while machine.rows(priority) >= window, !isEnded, !isHurried() {
        decodeWaits = true
        monitor.wait()
      }
      let wasEmpty = machine.isEmpty
      let now = monotonicNow()
      for request in requests {
        guard fence.admits(request.record.ticket) else {
          barred.append(request)
          continue
        }
        machine.add(BatchItem(arrival: request.record.arrival, rows: Int(request.rows), length: Int(request.length), bytes: request.byteCount, deadline: request.deadline, before: clocks.before(request.record), group: request.group), request, priority, now: now)
      }
      // Where a decode thread waits too, one signal might wake that.
      if idleLanes > 0, wasEmpty || isDueSooner { if decodeWaits { monitor.broadcast() } else { monitor.signal() } }
      return barred
    }
  }

  /// A lane that sleeps until a batch is due need not wake for company, unless that makes the batch full or has less time.
  private var isDueSooner: Bool {
    switch machine.next(monotonicNow()) {
    case .wait(let due): due ?? .max < sleepsUntil
    case .dispatch, .expire: true
    }
  }

  /// Some batches for every lane; more where batches are tiny, so that decode hands on more than one at a time.
  private var window: Int { max(256, machine.settings.maxRows * 2 * (lanes + 1)) }

  /// Waits for the next batch, and fills `requests` with it; nil: there will be none. Requests whose assignment has ended are
  /// put in `barred` instead, those whose deadline has passed in `expired`; a batch may turn out empty.
  func next(_ requests: inout [Request], barred: inout [Request], expired: inout [Request]) -> DispatchReason? {
    monitor.locked {
      while true {
        let now = monotonicNow()
        switch machine.next(now) {
        case .expire: machine.removeExpired(now) { if fence.admits($0.record.ticket) { expired.append($0) } else { barred.append($0) } }
        case .dispatch(_, let reason):
          var rows = 0, longest = 0, tokens = 0
          let isFilled = machine.take { item, request in
            if fence.admits(request.record.ticket) {
              rows += item.rows
              longest = max(longest, item.length)
              tokens += item.rows * item.length
              requests.append(request)
            } else {
              barred.append(request)
            }
          }
          largest = max(largest, rows)
          let reason = isFilled ? .full : reason
          if rows > 0 { tally.add(rows: rows, longest: longest, tokens: tokens, reason, isLate: !machine.targetIsMet) }
          // What is left may be due already: another lane has to look.
          if decodeWaits || idleLanes > 0 && !machine.isEmpty {
            decodeWaits = false
            monitor.broadcast()
          }
          return reason
        case .wait(let due):
          // What has expired is told at once.
          if !expired.isEmpty || !barred.isEmpty {
            wakeDecode()
            return .deadline
          }
          if isEnded { return nil }
          idleLanes += 1
          sleepsUntil = due ?? .max
          if due == nil { idle.begin(now) } else { waits.begin(now) }
          monitor.wait(until: due)
          idleLanes -= 1
          if due == nil { idle.end(now, monotonicNow()) } else { waits.end(now, monotonicNow()) }
        }
      }
    }
  }

  /// A run took so long. Any lane.
  func ran(rows: Int, length: Int, rowPadding: Int = 0, _ duration: Nanoseconds) {
    let now = monotonicNow()
    monitor.locked {
      tally.rowPadding += rowPadding
      machine.observe(rows: rows, length: length, duration: duration, lanes: max(1, lanes - idleLanes), now: now)
    }
  }

  /// From the end of a run to the acknowledgement of its replies it took so long.
  func observe(overhead: Nanoseconds) { monitor.locked { machine.observe(overhead: overhead) } }

  /// What runs cost, as far as it was measured.
  var model: CostModel {
    get { monitor.locked { machine.model } }
    set { monitor.locked { machine.model = newValue } }
  }

  /// What a run is expected to take; nil: nothing was measured yet.
  func expected(rows: Int, length: Int) -> Nanoseconds? {
    monitor.locked {
      machine.model.isEmpty ? nil : Nanoseconds(min(1e18, machine.model.predict(rows: rows, length: length, lanes: max(1, lanes - idleLanes))))
    }
  }

  private func wakeDecode() {
    guard decodeWaits else { return }
    decodeWaits = false
    monitor.broadcast()
  }

  /// Takes out what waits of assignments that have ended.
  func withdrawBarred() -> [Request] {
    monitor.locked {
      var barred: [Request] = []
      machine.remove(where: { !fence.admits($0.record.ticket) }) { barred.append($0) }
      wakeDecode()
      return barred
    }
  }

  /// Nothing more will be added: what waits is dispatched at once, then `next` gives nil.
  func end() {
    monitor.locked {
      isEnded = true
      machine.isDraining = true
      monitor.broadcast()
    }
  }
}

extension Batcher.Tally {
  mutating func add(rows: Int, longest: Int, tokens: Int, _ reason: DispatchReason, isLate: Bool) {
    batches += 1
    self.rows += rows
    self.tokens += rows * longest
    padding += rows * longest - tokens
    if isLate { late += 1 }
    reasons[reason, default: 0] += 1
    sizes[min(sizes.count - 1, Int.bitWidth - (rows - 1).leadingZeroBitCount)] += 1
  }
}
