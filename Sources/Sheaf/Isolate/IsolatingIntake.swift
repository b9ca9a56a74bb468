import Synchronization

/// Sends suspects a way of their own: a decode thread, a batcher and a lane around a child process, beside those of all other
/// records, which go on meanwhile. Its threads are started with the first suspects.
final class IsolatingIntake: Intake, @unchecked Sendable {  // `threads` and `makeLane` belong to the consume thread, then to the one that joins it.
  private let others: any Intake
  private let stage: DecodeStage
  private let batcher: Batcher
  private let runner: IsolatedRunner
  /// Until the end, since it holds the worker, which holds this.
  private var makeLane: (@Sendable (any BatchRunner) -> Lane)?
  private var threads: [Thread] = []
  private let count = Atomic(0)

  /// Records that were sent this way so far.
  var isolated: Int { count.load(ordering: .relaxed) }

  /// - Parameters:
  ///   - others: where all other records go.
  ///   - stage, batcher: of the suspects alone.
  ///   - makeLane: a lane that takes from `batcher`.
  init(others: any Intake, stage: DecodeStage, batcher: Batcher, runner: IsolatedRunner, makeLane: @escaping @Sendable (any BatchRunner) -> Lane) {
    self.others = others
    self.stage = stage
    self.batcher = batcher
    self.runner = runner
    self.makeLane = makeLane
  }

  // MARK: The consume thread

  // How many suspects there are is bounded by the marks and the ledger: they must not stop the others.
  func hasRoom(for priority: Priority) -> Bool { others.hasRoom(for: priority) }
  func emptyChunk(for priority: Priority) -> RecordChunk { others.emptyChunk(for: priority) }

  func accept(_ chunk: RecordChunk) {
    guard chunk.areSuspects else { return others.accept(chunk) }
    if threads.isEmpty { start() }
    count.add(chunk.count, ordering: .relaxed)
    stage.accept(chunk)
  }

  func withdrawBarred() {
    others.withdrawBarred()
    stage.withdrawBarred()
  }

  func suspectsSettled() { runner.hangUp() }

  private func start() {
    let stage = stage, runner = runner, makeLane = makeLane!
    threads = [Thread("isolated decode") { stage.run() }, Thread("isolated lane") { makeLane(runner).run() }]
  }

  // MARK: The end, after the consume thread's

  func end() {
    makeLane = nil
    stage.end()
    batcher.end()
    runner.cutOff()
  }

  /// After `end`: waits for the threads, and ends the child; or lets them end by themselves.
  func leave(waiting: Bool) {
    for thread in threads { thread.leave(waiting: waiting) }
    if waiting { runner.hangUp() }
  }
}
