import Synchronization

/// Consumes request records, runs them through a model in batches, publishes every result, and commits what is acknowledged.
///
///     let worker = try Worker(model: MyModel(), configuration: WorkerConfiguration(
///       kafka: ["bootstrap.servers": "localhost:9092", "group.id": "doublers"],
///       topics: .init(requests: ["numbers"], replies: "doubled")))
///     try await worker.run()
///
/// A record's way, and the thread that takes it each step:
///
///     source (consume) ─► decode ─► batcher ─► lanes ─► sink ─► delivery reports ─► source: settled, committed
public final class Worker: Sendable {
  private let model: any Model
  private let configuration: WorkerConfiguration
  private let source: any Source
  private let sink: any Sink
  private let batcher: Batcher
  private let gate: Gate
  private let isolatedBatcher: Batcher
  private let fault: Fault
  private let signals: SignalReader
  private let watchdog: Watchdog
  /// The first question to the cluster, which may take long where no broker answers.
  private let check = Interruptible<BrokerCheck>()
  /// Once it runs.
  private let decodeStages = Mutex<[DecodeStage]>([])
  private let intake = Mutex<IsolatingIntake?>(nil)

  /// This process is a child that a worker has started to run records in that may have killed one: `init` of the worker it stands
  /// in for runs batches for the parent and never returns. A program that does more than run a worker looks here what to leave out.
  public static var isIsolatedChild: Bool { IsolatedServer.role != nil }

  /// - Throws: `ConfigurationError` where a setting is refused; whatever a client refuses.
  public init(model: any Model, configuration: WorkerConfiguration) throws {
    if let role = IsolatedServer.role, role.identity == IsolatedServer.identity(model, configuration) { IsolatedServer.serve(model, role.descriptor) }
    try configuration.validate()
    let configuration = configuration.within(model.signature)
    self.model = model
    self.configuration = configuration
    let source = try KafkaSource(configuration)
    let fault = Fault()
    self.source = source
    self.fault = fault
    sink = try KafkaSink(configuration, model: model, source: source) { error in
      fault.record(error)
      source.stop()
    }
    gate = Gate { reason in
      source.hold(reason != nil)
      configuration.log(reason.map { "held: \($0); nothing more is taken or failed; goes on by order, or when a probe of one record succeeds" } ?? "goes on")
    }
    let sink = sink
    watchdog = Watchdog(bound: configuration.limits.stall, source: source, acknowledgements: { sink.acknowledgements }, log: configuration.log)
    signals = SignalReader(device: model.device)
    if let problem = signals.problem { configuration.log("no signals of \(model.device): \(problem)") }
    let bulkWait = configuration.topics.bulk.isEmpty ? nil : configuration.topics.bulkWait
    batcher = Batcher(configuration.batch, lanes: configuration.lanes, bulkWait: bulkWait, fence: source.fence)
    if let profile = configuration.profile { batcher.model = profile.model }
    source.onSample { [batcher] in batcher.observe(overhead: $0) }
    isolatedBatcher = Batcher(configuration.batch, lanes: 1, fence: source.fence)
  }

  /// Runs until `stop()`, a systemic fault, or (with `untilEnd`) the end of the topics. Call it once.
  /// - Throws: `WorkerError` with the last words, where it cannot go on or its drain missed the bound.
  public func run() async throws {
    // A child that stands in for another worker of this program.
    if Worker.isIsolatedChild { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
    try await withCheckedThrowingContinuation { continuation in
      let end = Ending(continuation)
      Thread("sheaf") {
        end.resume(Result { try self.runThreads(end) })
        self.watchdog.end()
      }.detach()
    }
  }

  /// Starts the threads and joins them in the order in which records leave.
  private func runThreads(_ end: Ending) throws {
    guard let cluster = check.result(of: { [configuration] in BrokerCheck(configuration) }) else {
      configuration.log("stopped before the cluster had answered")
      return
    }
    if let problem = cluster.problems.first { throw WorkerError(problem) }
    try sink.open(cluster.written)
    // Every lane's context is there before the worker joins its group.
    let contexts = try (0..<configuration.lanes).map { _ in try model.makeContext() }
    let decode = makeDecodeStage(batcher), decodeIsolated = makeDecodeStage(isolatedBatcher)
    let decodeBulk = configuration.topics.bulk.isEmpty ? nil : makeDecodeStage(batcher, .bulk)
    let others: any Intake = decodeBulk.map { PriorityIntake(interactive: decode, bulk: $0) } ?? decode
    let intake = IsolatingIntake(others: others, stage: decodeIsolated, batcher: isolatedBatcher, runner: IsolatedRunner(model, configuration, watch: watchdog.add("the isolated lane"))) { self.makeLane($0, self.isolatedBatcher) }
    decodeStages.withLock { $0 = [decode, decodeBulk, decodeIsolated].compactMap(\.self) }
    self.intake.withLock { $0 = intake }
    sink.start()
    source.watch(by: watchdog.add("the consume thread"))
    let watches = contexts.indices.map { watchdog.add("lane \($0)") }
    let rounding = model.signature.roundsShapes ? ShapeRounding(grid: WarmUp.shapes(model, configuration.batch), roundsLength: model.signature.isPadded) : nil
    let batchLog = configuration.batchLog.map { BatchLog(every: $0, lanes: configuration.lanes) }
    let lanes = contexts.enumerated().map { index, context in
      let runner = LocalRunner(model.signature, modelName: model.name, version: model.version, context: context, rounding: rounding, watch: watches[index])
      let lane = Transfer(makeLane(runner, batcher, batchLog))
      return Thread("lane \(index)") { lane.value.run() }
    }
    let decoding = [Thread("decode") { decode.run() }, decodeBulk.map { stage in Thread("decode bulk") { stage.run() } }].compactMap(\.self)
    Thread("watchdog") {
      // A lane, or the consume thread, that does not come back must not keep the worker from ending.
      self.watchdog.run(grace: self.configuration.drainTimeout + 5_000_000_000) { what in
        self.fault.record(WorkerError("stalled: \(what); limits.stall is \(self.configuration.limits.stall / 1_000_000) ms"))
        self.source.leaveMarked()
        self.source.stop()
      } abandon: {
        end.resume(.failure(self.fault.first ?? WorkerError("stalled")))
      }
    }.detach()
    configuration.log("joining group \(configuration.kafka["group.id"] ?? "")")
    let consume = Thread("consume") {
      do { try self.source.run(intake) } catch { self.fault.record(error) }
    }
    consume.join()
    // Whatever is still inside belongs to others now. A lane that is still running (a drain missed its bound) is not waited for.
    sink.stop()
    decode.end()
    decodeBulk?.end()
    batcher.end()
    gate.end()
    intake.end()
    if let missed = source.missedAtEnd { fault.record(WorkerError("\(missed); the group's next owner answers them again")) }
    let waits = !source.hasUnsettled
    for thread in decoding + lanes { thread.leave(waiting: waits) }
    intake.leave(waiting: waits)
    sink.leave(waiting: waits)
    let status = status
    configuration.log("ended: \(status.recordsTaken) records taken, \(status.recordsSettled) settled, \(status.recordsFailed) of them failed\(status.recordsTaken > status.recordsSettled ? ", \(status.recordsTaken - status.recordsSettled) given back" : "")\(status.recordsIsolated > 0 ? ", \(status.recordsIsolated) run in a child process" : ""); \(status.batches) batches of \(status.rows) rows\(status.tokens > status.rows ? ", \(status.padding * 100 / status.tokens) % padding" : "")")
    if let error = fault.first { throw error }
  }

  private func makeDecodeStage(_ batcher: Batcher, _ priority: Priority = .interactive) -> DecodeStage {
    DecodeStage(
      source: source, batcher: batcher, priority: priority,
      decoder: RequestDecoder(signature: model.signature, text: model.text, options: configuration.decodeOptions, modelName: model.name, modelVersion: model.version),
      deadlines: Deadlines(timeout: configuration.topics.timeout), writer: sink.makeWriter(), log: configuration.log,
      withdrawn: gate.withdrawn)
  }

  private func makeLane(_ runner: any BatchRunner, _ batcher: Batcher, _ batchLog: BatchLog? = nil) -> Lane {
    Lane(runner: runner, batcher: batcher, source: source, writer: sink.makeWriter(), gate: gate,
      signals: { self.signals.current() }, batchLog: batchLog, log: configuration.log) { error in
      self.fault.record(error)
      self.source.leaveMarked()
      self.source.stop()
    }
  }

  /// Begins the drain: no new records are taken, what is inside is finished within the drain's bound, offsets are committed.
  /// May be called from any thread, and more than once.
  public func stop() {
    check.interrupt()
    source.stop()
  }

  /// Where the worker is held (see `WorkerStatus.hold`): it goes on, and counts failures anew. May be called from any thread.
  public func resume() {
    gate.resume()
    for stage in decodeStages.withLock({ $0 }) { stage.resume() }
  }

  /// What the worker has done so far and what is inside it.
  public var status: WorkerStatus {
    let counts = source.counts, tally = batcher.totals
    let holds = [gate.reason].compactMap(\.self) + decodeStages.withLock { $0 }.flatMap(\.holds)
    return WorkerStatus(
      recordsInside: counts.inside, bulkRecordsInside: source.bulkInside, bytesInside: counts.bytes, recordsTaken: counts.taken, recordsSettled: counts.settled, recordsFailed: sink.failed, recordsWithNaN: sink.withNaN,
      recordsIsolated: intake.withLock { $0?.isolated ?? 0 }, batches: tally.batches,
      rows: tally.rows, batchSizes: tally.sizes, reasons: Dictionary(uniqueKeysWithValues: tally.reasons.map { ($0.key.rawValue, $0.value) }),
      tokens: tally.tokens, padding: tally.padding, rowPadding: tally.rowPadding, idleTime: tally.idle, waitTime: tally.waited, lateBatches: tally.late,
      hold: holds.isEmpty ? nil : holds.joined(separator: "; "), stalls: watchdog.stalls,
      signals: signals.current())
  }

  /// What runs were measured to cost so far, on top of the configured profile.
  public var profile: RunProfile { RunProfile(batcher.model) }

  /// The batching parameters in force; what is set is obeyed by the next batch, within what the model allows. Requests larger than
  /// the bounds at the start are refused even where these are raised.
  public var batch: BatchSettings {
    get { batcher.settings }
    set {
      let settings = configuration.within(newValue, model.signature)
      batcher.settings = settings
      isolatedBatcher.settings = settings
    }
  }
}

/// The first thing that ended the worker.
private final class Fault: Sendable {
  private let error = Mutex<(any Error)?>(nil)
  var first: (any Error)? { error.withLock { $0 } }
  func record(_ error: any Error) { self.error.withLock { $0 = $0 ?? error } }
}

/// Ends `run()` once.
private final class Ending: Sendable {
  private let continuation: Mutex<CheckedContinuation<Void, any Error>?>
  init(_ continuation: CheckedContinuation<Void, any Error>) { self.continuation = Mutex(continuation) }

  func resume(_ result: Result<Void, any Error>) {
    let first = continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
    first?.resume(with: result)
  }
}

/// Hands something that belongs to one thread at a time over to that thread.
private struct Transfer<Value>: @unchecked Sendable {  // Used by the receiving thread alone, from its start on.
  let value: Value
  init(_ value: Value) { self.value = value }
}
