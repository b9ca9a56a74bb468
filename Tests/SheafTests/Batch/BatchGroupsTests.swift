import SheafTesting
import Testing

@testable import Sheaf

private func item(_ arrival: Nanoseconds, group: UInt64, length: Int = 8, deadline: Nanoseconds = .max) -> BatchItem {
  var item = BatchItem(arrival: arrival, rows: 1, length: length, bytes: 1, deadline: deadline)
  item.group = group
  return item
}

private let millisecond: Nanoseconds = 1_000_000

/// Requests that do not all go together: images of several sizes, for one.
@Suite struct BatchGroupsTests {
  private static func settings(_ policy: BatchPolicy, inOrder: Bool = false) -> BatchSettings {
    var settings = BatchSettings(maxRows: 4, maxWait: 10 * millisecond, maxTokens: 1 << 30, maxBytes: 1 << 30)
    settings.policy = policy
    settings.adaptive.latencyTarget = 100 * millisecond
    if inOrder { settings.adaptive.passedOverAtMost = 0 }
    return settings
  }

  private func batch(_ queue: inout BatchQueue<Int>, _ now: Nanoseconds) -> (reason: DispatchReason, batch: [Int])? {
    guard case .dispatch(let count, let reason) = queue.next(now) else { return nil }
    var batch: [Int] = []
    queue.take(count) { _, payload in batch.append(payload) }
    return (reason, batch)
  }

  @Test func theOldestsGroupGoesWhenItIsDue() {
    var queue = BatchQueue<Int>(Self.settings(.fixed), lanes: 1)
    for (index, group) in [1, 2, 1, 3, 2].enumerated() { queue.add(item(Nanoseconds(index), group: UInt64(group)), index, now: 0) }
    #expect(queue.next(5) == .wait(until: 10 * millisecond))
    #expect(batch(&queue, 10 * millisecond).map { $0.batch } == [0, 2])
    // The next oldest is of group 2, and due a nanosecond later.
    #expect(queue.next(10 * millisecond) == .wait(until: 10 * millisecond + 1))
    #expect(batch(&queue, 10 * millisecond + 1).map { $0.batch } == [1, 4])
    #expect(queue.rows == 1)
  }

  /// A full batch does not wait for an older request of another group that may still wait; where replies have an order it does.
  @Test(arguments: [false, true]) func aFullGroupGoesFirst(_ inOrder: Bool) {
    var queue = BatchQueue<Int>(Self.settings(.fixed, inOrder: inOrder), lanes: 1)
    queue.add(item(0, group: 7), 0, now: 0)
    for index in 1...4 { queue.add(item(1, group: 8), index, now: 1) }
    if inOrder {
      #expect(queue.next(2) == .wait(until: 10 * millisecond))
    } else {
      let first = batch(&queue, 2)
      #expect(first?.batch == [1, 2, 3, 4] && first?.reason == .full)
    }
    // Once the oldest is due it goes, full others or not.
    for index in 5...8 { queue.add(item(3, group: 8), index, now: 3) }
    #expect(batch(&queue, 10 * millisecond)?.batch == [0])
  }

  @Test func aDeadlineOfAnyGroupIsKept() {
    var queue = BatchQueue<Int>(Self.settings(.fixed), lanes: 1)
    queue.observe(rows: 1, length: 8, duration: 1000, lanes: 1, now: 0)
    queue.add(item(0, group: 1), 0, now: 0)
    queue.add(item(0, group: 2, deadline: 5000), 1, now: 0)
    guard case .wait(let until?) = queue.next(0) else { Issue.record("nothing is due"); return }
    #expect(until <= 4000)
    #expect(batch(&queue, until)?.batch == [1])
    queue.add(item(0, group: 3, deadline: 6000), 2, now: 0)
    #expect(queue.next(6000) == .expire)
    var expired: [Int] = []
    queue.removeExpired(6000) { expired.append($0) }
    #expect(expired == [2] && queue.rows == 1)
  }

  @Test func companyIsOfTheBatchsGroup() {
    var queue = BatchQueue<Int>(Self.settings(.fixed), lanes: 1)
    for (index, group) in [1, 2, 1, 2].enumerated() { queue.add(item(0, group: UInt64(group)), index, now: 0) }
    var load = BatchLoad(), filled: [Int] = []
    load.add(item(0, group: 2))
    #expect(!queue.fill(&load, 0) { filled.append($1) })
    #expect(filled == [1, 3] && load.rows == 3)
  }

  /// Whatever comes, in whatever order: a batch is of one group, within the bounds, in order of arrival; everything leaves once; nobody
  /// waits beyond maxWait and the runs before it.
  @Test(arguments: [BatchPolicy.fixed, .adaptive], 0..<20) func everythingLeavesOnce(_ policy: BatchPolicy, _ seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    var settings = Self.settings(policy)
    if policy == .adaptive { settings.adaptive.objective = seed % 2 == 0 ? .latency : .efficiency }
    var queue = BatchQueue<Int>(settings, lanes: 1)
    if policy == .adaptive { for rows in 1...4 { for _ in 0..<3 { queue.observe(rows: rows, length: 8, duration: millisecond + Nanoseconds(rows) * 100_000, lanes: 1, now: 0) } } }
    var groups: [UInt64] = [], arrivals: [Nanoseconds] = [], left: Set<Int> = []
    var now: Nanoseconds = 0
    func take() {
      while let (_, batch) = self.batch(&queue, now) {
        #expect(!batch.isEmpty && batch.count <= 4)
        #expect(Set(batch.map { groups[$0] }).count == 1)
        if policy == .fixed { #expect(batch == batch.sorted()) }
        for index in batch {
          #expect(left.insert(index).inserted)
          #expect(now - arrivals[index] <= settings.adaptive.latencyTarget)
        }
      }
    }
    for index in 0..<300 {
      now += Nanoseconds.random(in: 0...(2 * millisecond), using: &random)
      groups.append(UInt64.random(in: 0..<6, using: &random) * UInt64.random(in: 0..<4, using: &random))
      arrivals.append(now)
      queue.add(item(now, group: groups[index]), index, now: now)
      take()
    }
    queue.isDraining = true
    take()
    #expect(left.count == 300 && queue.isEmpty && queue.rows == 0)
  }

  /// A request that waits moves with its group where the policy is changed.
  @Test func aChangeOfPolicyKeepsGroups() {
    var queue = BatchQueue<Int>(Self.settings(.fixed), lanes: 1)
    for (index, group) in [1, 2, 1].enumerated() { queue.add(item(Nanoseconds(index), group: UInt64(group)), index, now: 0) }
    queue.settings = Self.settings(.adaptive)
    #expect(batch(&queue, 5)?.batch == [0, 2])
    queue.settings = Self.settings(.fixed)
    queue.isDraining = true
    #expect(batch(&queue, 5)?.batch == [1])
  }
}
