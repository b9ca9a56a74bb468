/// Thrown by a run that killed the child process it ran in. Its halves are run; a record that does it alone is failed as crashed.
struct ChildCrashed: Error, CustomStringConvertible {
  /// "signal 11 (SIGSEGV)".
  var description: String
}

/// Runs batches in a child process, which is started when it is first needed and again after it has crashed.
///
/// Where no child can be had, which is no record's fault, batches run in this process, as all others do.
final class IsolatedContext: RunContext, @unchecked Sendable {  // `state` is protected by `monitor`; the rest belongs to the lane.
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
  private var fallback: (any RunContext)?

  /// - Parameter watch: of runs in this process; those in a child have a bound of their own.
  init(_ model: any Model, _ configuration: WorkerConfiguration, watch: Watchdog.Watch? = nil) {
    self.model = model
    self.watch = watch
    identity = IsolatedServer.identity(model, configuration)
    startTimeout = configuration.isolation.startTimeout
    stall = configuration.limits.stall
    log = configuration.log
  }

  /// No more batches are expected for now: the child ends, at once or after the batch that it runs. Any thread.
  func hangUp() {
    let idle: IsolatedChild? = monitor.locked {
      isOver = true
      return isRunning ? nil : child.take()
    }
    if let idle { reap(idle) }
  }

  /// The worker ends: a child that is at work on a batch is not waited for. Any thread.
  func cutOff() {
    monitor.locked { running?.cutOff() }
  }

  func run(_ batch: ModelBatch) throws {
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
    if let fallback { return try run(batch, here: fallback) }
    if alive == nil {
      do throws(IsolatedChild.CannotStart) { alive = try IsolatedChild(identity, timeout: startTimeout) } catch {
        log("no child process can be had for records that may have killed a worker, so they run in this one: \(error)")
        let context = try model.makeContext()
        fallback = context
        return try run(batch, here: context)
      }
    }
    let answer: (verdict: RunMessage.Verdict, text: String)
    let answering = alive!
    monitor.locked { running = answering }
    defer { monitor.locked { running = nil } }
    do throws(Channel.Failure) { answer = try exchange(batch, answering.channel) } catch {
      monitor.locked { running = nil }
      let exit = alive!.end()
      alive = nil
      throw ChildCrashed(description: error == .late ? "no answer within \(stall / 1_000_000_000) s" : "\(exit)")
    }
    switch answer.verdict {
    case .ran: return
    case .failed: throw WorkerError(answer.text)
    case .unavailable: throw ModelUnavailable(answer.text)
    case .outOfMemory: throw ModelOutOfMemory(answer.text)
    case .lost:
      // The worker's own device may be well: only the child's is lost.
      _ = alive!.end()
      alive = nil
      throw ChildCrashed(description: answer.text)
    }
  }

  private func run(_ batch: ModelBatch, here context: any RunContext) throws {
    watch?.begin(rows: batch.rows)
    defer { watch?.end() }
    try context.run(batch)
  }

  private func exchange(_ batch: ModelBatch, _ channel: Channel) throws(Channel.Failure) -> (RunMessage.Verdict, String) {
    let deadline = monotonicNow() + stall
    try channel.send([Int64(batch.rows), Int64(batch.length)] + RunMessage.header(batch.inputs) { batch.input($0).count }, until: deadline)
    for index in batch.inputs.indices { try channel.send(batch.input(index), until: deadline) }
    return try IsolatedContext.receiveAnswer(to: batch, channel, until: deadline)
  }

  /// Reads an answer, which a child with a memory in disorder may have written: whatever comes, it is an answer or garbled.
  static func receiveAnswer(to batch: ModelBatch, _ channel: Channel, until deadline: Nanoseconds) throws(Channel.Failure) -> (RunMessage.Verdict, String) {
    var words = RunMessage.Reader(try channel.receiveWords(until: deadline))
    guard let verdict = RunMessage.Verdict(rawValue: Int64(try words.next())) else { throw .garbled }
    let textBytes = try words.next(0...RunMessage.longestText), failures = try words.next(0...Int64(batch.rows)), outputs = try words.next(0...Int64(batch.outputs.count))
    var failed: [(row: Int, bytes: Int)] = []
    for _ in 0..<failures { failed.append((try words.next(0...Int64(batch.rows - 1)), try words.next(0...RunMessage.longestText))) }
    let text = try channel.receiveText(textBytes, until: deadline)
    for failure in failed { batch.fail(row: failure.row, try channel.receiveText(failure.bytes, until: deadline)) }
    for index in 0..<outputs {
      let (bytes, shape) = try words.tensor()
      guard bytes >= 0 else { continue }
      guard bytes == RunMessage.byteCount(batch.signature.outputs[index].type, shape) else { throw .garbled }
      try channel.receive(into: batch.output(index, shape: shape), until: deadline)
    }
    return (verdict, text)
  }

  /// Not on the caller's thread: the kernel may take its time to give a large child's memory back.
  private func reap(_ child: IsolatedChild) { Thread("reaper") { _ = child.end() }.detach() }
}
