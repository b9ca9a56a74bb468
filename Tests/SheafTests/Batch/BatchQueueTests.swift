import SheafTesting
import Testing

@testable import Sheaf

@Suite struct BatchQueueTests {
  private func item(_ arrival: Nanoseconds, length: Int = 1) -> BatchItem { BatchItem(arrival: arrival, rows: 1, length: length, bytes: 1) }

  /// Whatever waits when the policy changes is there afterwards, in order of arrival, and every one comes out once.
  @Test func nothingIsLostWhereThePolicyChanges() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<100 {
      var settings = BatchSettings(maxRows: 8, maxWait: 1000)
      var queue = BatchQueue<Int>(settings, lanes: 2)
      var added = 0, taken: [Int] = [], now: Nanoseconds = 1
      while added < 200 {
        for _ in 0..<Int.random(in: 0...12, using: &random) {
          queue.add(item(now, length: Int.random(in: 1...40, using: &random)), added, now: now)
          added += 1
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
          settings.policy = settings.policy == .fixed ? .adaptive : .fixed
          settings.maxRows = Int.random(in: 1...16, using: &random)
          queue.settings = settings
        }
        now += 700
        if case .dispatch(let count, _) = queue.next(now) {
          #expect(count <= settings.maxRows)
          queue.take(count) { taken.append($1) }
          queue.observe(rows: count, length: 40, duration: 300, lanes: 1, now: now)
        }
      }
      queue.isDraining = true
      while case .dispatch(let count, _) = queue.next(now) { queue.take(count) { taken.append($1) } }
      #expect(taken.sorted() == Array(0..<added))
      #expect(queue.isEmpty && queue.rows == 0)
    }
  }

  @Test func aChangedPolicyKeepsTheOrder() {
    var settings = BatchSettings(maxRows: 100)
    var queue = BatchQueue<Int>(settings, lanes: 1)
    for index in 0..<50 { queue.add(item(Nanoseconds(index), length: 50 - index), index, now: Nanoseconds(index)) }
    settings.policy = .adaptive
    queue.settings = settings
    settings.policy = .fixed
    queue.settings = settings
    var taken: [Int] = []
    if case .dispatch(let count, _) = queue.next(.max / 2) { queue.take(count) { taken.append($1) } }
    #expect(taken == Array(0..<50))
  }

  /// The next batch obeys a changed bound, whatever waits already.
  @Test(arguments: BatchPolicy.allCases) func aChangedBoundIsObeyedByTheNextBatch(_ policy: BatchPolicy) {
    var settings = BatchSettings(maxRows: 64, maxWait: 0)
    settings.policy = policy
    var queue = BatchQueue<Int>(settings, lanes: 1)
    for index in 0..<200 { queue.add(item(1), index, now: 1) }
    settings.maxRows = 5
    queue.settings = settings
    guard case .dispatch(let count, _) = queue.next(2) else { Issue.record("nothing is due"); return }
    #expect(count <= 5)
  }
}
