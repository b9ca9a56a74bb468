/// Runs requests in a child process, which fills, runs, splits and encodes; it is started when it is first needed and again after it
/// has crashed.
///
/// Where no child can be had, which is no record's fault, requests run in this process, as all others do.
final class IsolatedRunner: BatchRunner, @unchecked Sendable {  // `child` and its like are protected by `monitor`; the rest belongs to the lane.
  private let model: any Model
  private let identity: String
  private let startTimeout, stall: Nanoseconds
  private let log: @Sendable (String) -> Void
  private let watch: Watchdog.Watch?

  private let monitor = Monitor()
  private var child: IsolatedChild?
  private var isRunning = false
  /// The child that an answer is awaited of.
  private var running: IsolatedChild?
  private var isOver = false
  /// Instead of a child that cannot be had.
  private var fallback: LocalRunner?
  private var replies: [Reply] = []

  /// - Parameter watch: of runs in this process; those in a child have a bound of their own.
  init(_ model: any Model, _ configuration: WorkerConfiguration, watch: Watchdog.Watch? = nil) {
    self.model = model
    self.watch = watch
    identity = IsolatedServer.identity(model, configuration)
    startTimeout = configuration.isolation.startTimeout
    stall = configuration.limits.stall
    log = configuration.log
  }

  /// No more requests are expected for now: the child ends, at once or after what it runs. Any thread.
  func hangUp() {
    let idle: IsolatedChild? = monitor.locked {
      isOver = true
      return isRunning ? nil : child.take()
    }
    if let idle { reap(idle) }
  }

  /// The worker ends: a child that is at work is not waited for. Any thread.
  func cutOff() {
    monitor.locked { running?.cutOff() }
  }

  // MARK: The lane

  /// Shapes are no matter here: a record that kills is worth a slow run.
  func isNew(_ requests: ArraySlice<Request>) -> Bool { false }

  func run(_ requests: ArraySlice<Request>, within bounds: RunBounds) throws -> BatchRun {
    try order(.run, requests, within: bounds) { try $0.run(requests, within: bounds) } answered: { answer in
      self.replies = answer.replies
      return answer.run
    }
  }

  func reply(_ index: Int) -> BatchReply {
    if let fallback { return fallback.reply(index) }
    switch replies[index] {
    case .value(let bytes, let hasNaN): return .value(UnsafeRawBufferPointer(bytes.memory), hasNaN: hasNaN)
    case .failed(let reason): return .failed(reason)
    }
  }

  func runExample(length: Int) throws {
    try order(.example, [], length: length) { try $0.runExample(length: length) } answered: { _ in }
  }

  func failingRow(of request: Request) -> Int? {
    try? order(.findFailingRow, [request]) { $0.failingRow(of: request) } answered: { $0.row }
  }

  /// Has the child do something, or does it here where there is no child.
  private func order<T>(
    _ order: RunMessage.Order, _ requests: ArraySlice<Request>, length: Int = 0, within bounds: RunBounds = .none, _ here: (LocalRunner) throws -> T, answered: (Answer) -> T
  ) throws -> T {
    let kept = monitor.locked {
      isRunning = true
      // Once more after some time: a child is tried again.
      if isOver { fallback = nil }
      isOver = false
      return child.take()
    }
    var alive = kept
    defer {
      let idle: IsolatedChild? = monitor.locked {
        isRunning = false
        if isOver { return alive }
        child = alive
        return nil
      }
      if let idle { _ = idle.end() }
    }
    if let fallback { return try here(fallback) }
    if alive == nil {
      do throws(IsolatedChild.CannotStart) { alive = try IsolatedChild(identity, timeout: startTimeout) } catch {
        log("no child process can be had for records that may have killed a worker, so they run in this one: \(error)")
        let local = try LocalRunner(model, watch: watch)
        fallback = local
        return try here(local)
      }
    }
    let answer: Answer
    let answering = alive!
    monitor.locked { running = answering }
    defer { monitor.locked { running = nil } }
    do throws(Channel.Failure) { answer = try exchange(order, requests, length, bounds, answering.channel) } catch {
      monitor.locked { running = nil }
      let exit = alive!.end()
      alive = nil
      throw ChildCrashed(error == .late ? "no answer within \(stall / 1_000_000_000) s" : "\(exit)")
    }
    switch answer.verdict {
    case .ran: return answered(answer)
    case .failed: throw WorkerError(answer.text)
    case .unavailable: throw ModelUnavailable(answer.text)
    case .outOfMemory: throw ModelOutOfMemory(answer.text)
    case .lost:
      // The worker's own device may be well: only the child's is lost.
      _ = alive!.end()
      alive = nil
      throw ChildCrashed(answer.text)
    }
  }

  private func exchange(_ order: RunMessage.Order, _ requests: ArraySlice<Request>, _ length: Int, _ bounds: RunBounds, _ channel: Channel) throws(Channel.Failure) -> Answer {
    let deadline = monotonicNow() + stall, inputs = model.signature.inputs
    let head = [order.rawValue, Int64(length), Int64(min(bounds.maxRows, 1 << 40)), Int64(min(bounds.maxTokens, 1 << 40)), Int64(requests.count)]
    try channel.send(head + requests.flatMap { RequestMessage.header($0, inputs) }, until: deadline)
    for request in requests { try RequestMessage.send(request, inputs, channel, until: deadline) }
    return try Answer(receivedBy: channel, requests: order == .run ? requests.count : 0, until: deadline)
  }

  /// Not on the caller's thread: the kernel may take its time to give a large child's memory back.
  private func reap(_ child: IsolatedChild) { Thread("reaper") { _ = child.end() }.detach() }

  enum Reply {
    case value(OwnedBytes, hasNaN: Bool)
    case failed(String)
  }

  /// Memory that stays where it is as long as somebody holds it.
  final class OwnedBytes {
    let memory: UnsafeMutableRawBufferPointer
    init(count: Int) { memory = .allocate(byteCount: count, alignment: 16) }
    deinit { memory.deallocate() }
  }

  /// What a child said.
  struct Answer {
    var verdict: RunMessage.Verdict
    var text: String
    var row: Int?
    var run: BatchRun
    var replies: [Reply]

    /// Reads an answer, which a child with a memory in disorder may have written: whatever comes, it is an answer or garbled.
    init(receivedBy channel: Channel, requests: Int, until deadline: Nanoseconds) throws(Channel.Failure) {
      var words = RunMessage.Reader(try channel.receiveWords(until: deadline))
      guard let verdict = RunMessage.Verdict(rawValue: Int64(try words.next())) else { throw .garbled }
      self.verdict = verdict
      let row = try words.next(-1...Int64(Int32.max))
      self.row = row < 0 ? nil : row
      let textBytes = try words.next(0...RunMessage.longestText)
      run = BatchRun()
      run.failed = try words.next(0...Int64(requests))
      let failureBytes = try words.next(0...RunMessage.longestText), parts = try words.next(0...1_000_000), count = try words.next(0...Int64(requests))
      guard verdict != .ran || count == requests else { throw .garbled }
      for _ in 0..<parts {
        let shape = BatchShape(rows: try words.next(1...(1 << 32)), length: try words.next(0...(1 << 32)))
        run.parts.append(BatchRun.Part(shape: shape, rowPadding: try words.next(0...Int64(shape.rows)), time: Nanoseconds(try words.next(0...(1 << 60)))))
      }
      var announced: [(kind: RunMessage.ReplyKind, bytes: Int)] = []
      for _ in 0..<count {
        guard let kind = RunMessage.ReplyKind(rawValue: Int64(try words.next())) else { throw .garbled }
        announced.append((kind, try words.next(0...RunMessage.longestReply)))
      }
      text = try channel.receiveText(textBytes, until: deadline)
      run.firstFailure = try channel.receiveText(failureBytes, until: deadline)
      replies = []
      for (kind, bytes) in announced {
        if kind == .failed {
          replies.append(.failed(try channel.receiveText(bytes, until: deadline)))
          continue
        }
        let value = OwnedBytes(count: bytes)
        try channel.receive(into: value.memory, until: deadline)
        replies.append(.value(value, hasNaN: kind == .valueWithNaN))
      }
    }
  }
}
