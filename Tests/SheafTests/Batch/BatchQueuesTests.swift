import SheafTesting
import Testing

@testable import Sheaf

@Suite struct BatchQueuesTests {
  private typealias Queues = BatchQueues<Int>

  private func item(_ arrival: Nanoseconds, length: Int = 1, rows: Int = 1, bytes: Int = 1, deadline: Nanoseconds = .max) -> BatchItem {
    BatchItem(arrival: arrival, rows: rows, length: length, bytes: bytes, deadline: deadline)
  }

  /// The next batch, if one is due.
  private func batch(_ queues: inout Queues, _ now: Nanoseconds) -> [Int]? {
    guard case .dispatch = queues.next(now) else { return nil }
    var taken: [Int] = []
    _ = queues.take { taken.append($1) }
    return taken
  }

  @Test func bulkFillsUpWhatInteractiveRequestsLeave() {
    var queues = Queues(BatchSettings(maxRows: 4, maxWait: 0), lanes: 1, bulkWait: 1_000_000)
    for index in 100..<110 { queues.add(item(1), index, .bulk, now: 1) }
    for index in 0..<6 { queues.add(item(2), index, .interactive, now: 2) }
    #expect(batch(&queues, 3) == [0, 1, 2, 3])
    #expect(batch(&queues, 3) == [4, 5, 100, 101])
    #expect(batch(&queues, 3) == [102, 103, 104, 105])
    #expect(queues.rows(.interactive) == 0 && queues.rows(.bulk) == 4)
  }

  /// A batch that waits for company need not where bulk is due.
  @Test func bulkThatIsDueEndsTheWait() {
    var queues = Queues(BatchSettings(maxRows: 4, maxWait: 1000), lanes: 1, bulkWait: 1_000_000)
    queues.add(item(100), 0, .interactive, now: 100)
    #expect(queues.next(200) == .wait(until: 1100))
    queues.add(item(50), 100, .bulk, now: 200)
    #expect(queues.next(200) == .wait(until: 1050))
    for index in 101..<104 { queues.add(item(150), index, .bulk, now: 200) }
    #expect(queues.next(200) == .dispatch(count: 1, .full))
    #expect(batch(&queues, 200) == [0, 100, 101, 102])
    #expect(queues.next(300) == .wait(until: 1150))
  }

  @Test func theOldestBulkRequestGoesFirstOnceItsWaitIsOver() {
    var queues = Queues(BatchSettings(maxRows: 2, maxWait: 0), lanes: 1, bulkWait: 1000)
    for index in 100..<104 { queues.add(item(0), index, .bulk, now: 0) }
    for index in 0..<20 { queues.add(item(0), index, .interactive, now: 0) }
    #expect(batch(&queues, 999) == [0, 1])
    #expect(batch(&queues, 1000) == [100, 101])
    // Once: the others are not overdue until nothing of bulk has gone for as long again.
    #expect(batch(&queues, 1001) == [2, 3])
    #expect(batch(&queues, 1999) == [4, 5])
    #expect(batch(&queues, 2000) == [102, 103])
    #expect(batch(&queues, 9999) == [6, 7])
  }

  /// A long request at the front of bulk neither stretches a batch beyond its bound nor keeps those behind it from filling it up.
  @Test(arguments: BatchPolicy.allCases) func whatDoesNotFitIsPassedOver(_ policy: BatchPolicy) {
    var settings = BatchSettings(maxRows: 8, maxWait: 0, maxTokens: 64)
    settings.policy = policy
    var queues = Queues(settings, lanes: 1, bulkWait: 1_000_000)
    var model = CostModel()
    for _ in 0..<20 { model.observe(rows: 8, length: 8, duration: 1000, lanes: 1) }
    queues.model = model
    queues.add(item(1, length: 60), 100, .bulk, now: 1)
    queues.add(item(1, length: 8, deadline: 5), 101, .bulk, now: 1)
    queues.add(item(1, length: 4), 102, .bulk, now: 1)
    for index in 0..<2 { queues.add(item(2, length: 8), index, .interactive, now: 2) }
    #expect(batch(&queues, 3).map(Set.init) == [0, 1, 101, 102])
    #expect(batch(&queues, 4) == [100])
  }

  /// Where no request may go before an older one of its queue, none does.
  @Test(arguments: BatchPolicy.allCases) func inOrderNothingIsPassedOver(_ policy: BatchPolicy) {
    var settings = BatchSettings(maxRows: 8, maxWait: 0, maxTokens: 64)
    settings.policy = policy
    settings.adaptive.passedOverAtMost = 0
    var queues = Queues(settings, lanes: 1, bulkWait: 1_000_000)
    queues.add(item(1, length: 60), 100, .bulk, now: 1)
    queues.add(item(1, length: 8), 101, .bulk, now: 1)
    for index in 0..<2 { queues.add(item(2, length: 8), index, .interactive, now: 2) }
    #expect(batch(&queues, 3) == [0, 1])
  }

  @Test func expiredRequestsOfEitherAreTold() {
    var queues = Queues(BatchSettings(maxRows: 8, maxWait: 1000), lanes: 1, bulkWait: 1_000_000)
    queues.add(item(1, deadline: 500), 100, .bulk, now: 1)
    queues.add(item(1, deadline: 600), 0, .interactive, now: 1)
    queues.add(item(1), 1, .interactive, now: 1)
    #expect(queues.next(500) == .expire)
    var expired: [Int] = []
    queues.removeExpired(600) { expired.append($0) }
    #expect(expired.sorted() == [0, 100])
    #expect(batch(&queues, 2000) == [1])
  }

  /// Random traffic: bounds hold, a batch holds the oldest interactive request unless bulk's wait is over, the oldest bulk request is
  /// never passed over for longer than that, what has expired never runs, and everything comes out once.
  @Test(arguments: BatchPolicy.allCases, 0..<12) func whatAlwaysHolds(_ policy: BatchPolicy, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var settings = BatchSettings(maxRows: .random(in: 1...16, using: &random), maxWait: .random(in: 0...5000, using: &random), maxTokens: .random(in: 40...400, using: &random), maxBytes: 200)
    settings.policy = policy
    if Bool.random(using: &random) { settings.adaptive.passedOverAtMost = .random(in: 1...4, using: &random) }
    if Bool.random(using: &random) { settings.adaptive.objective = .efficiency }
    let bulkWait: Nanoseconds = 20_000
    var queues = Queues(settings, lanes: 1, bulkWait: bulkWait)
    var items: [Int: (item: BatchItem, priority: Priority)] = [:], order: [Priority: [Int]] = [.interactive: [], .bulk: []]
    var now: Nanoseconds = 1, added = 0, out = 0, wentAt: Nanoseconds = 0
    func leave(_ index: Int) {
      #expect(items.removeValue(forKey: index) != nil)
      for priority in Priority.allCases { order[priority]!.removeAll { $0 == index } }
      out += 1
    }
    var load = 0.6
    for turn in 0..<1200 {
      if turn % 150 == 0 { load = Double.random(in: 0.1...2, using: &random) }
      for priority in Priority.allCases where turn < 1000 {
        for _ in 0..<Int(load * Double.random(in: 0...8, using: &random)) where order[priority]!.count < 60 {
          let deadline: Nanoseconds = Int.random(in: 0..<10, using: &random) == 0 ? now + .random(in: 1...60_000, using: &random) : .max
          let item = item(now, length: .random(in: 1...30, using: &random), rows: 1, bytes: .random(in: 1...40, using: &random), deadline: deadline)
          queues.add(item, added, priority, now: now)
          items[added] = (item, priority)
          order[priority]!.append(added)
          added += 1
        }
      }
      if turn == 1000 { queues.isDraining = true }
      now += .random(in: 1...3000, using: &random)
      switch queues.next(now) {
      case .expire:
        queues.removeExpired(now) { index in
          #expect(items[index]!.item.deadline <= now)
          leave(index)
        }
      case .wait(let until):
        #expect(until == nil || until! > now)
        #expect(until != nil || items.isEmpty)
        if let bulk = order[.bulk]!.first { #expect(now < max(items[bulk]!.item.arrival, wentAt) + bulkWait) }
      case .dispatch:
        let first = (interactive: order[.interactive]!.first, bulk: order[.bulk]!.first)
        let isOverdue = first.bulk.map { now >= max(items[$0]!.item.arrival, wentAt) + bulkWait } ?? false
        var taken: [Int] = []
        _ = queues.take { taken.append($1) }
        if let bulk = first.bulk, isOverdue { #expect(taken.contains(bulk)) } else if let interactive = first.interactive { #expect(taken.contains(interactive)) }
        let batch = taken.map { items[$0]!.item }
        #expect(!batch.isEmpty && batch.allSatisfy { $0.deadline > now })
        #expect(batch.count <= settings.maxRows && batch.count * batch.map(\.length).max()! <= settings.maxTokens && batch.reduce(0) { $0 + $1.bytes } <= settings.maxBytes)
        for priority in Priority.allCases where policy == .fixed && (settings.isInOrder || priority == .interactive && !isOverdue) {
          let some = taken.filter { items[$0]!.priority == priority }
          #expect(some == Array(order[priority]!.prefix(some.count)))
        }
        for index in taken { leave(index) }
        if order[.bulk]!.first != first.bulk { wentAt = now }
        queues.observe(rows: batch.count, length: batch.map(\.length).max()!, duration: 200 + 50 * Nanoseconds(batch.count), lanes: 1, now: now)
      }
    }
    while !queues.isEmpty {
      now += 1000
      switch queues.next(now) {
      case .expire: queues.removeExpired(now) { leave($0) }
      case .dispatch: _ = queues.take { leave($1) }
      case .wait: Issue.record("waits while draining"); return
      }
    }
    #expect(out == added && items.isEmpty && queues.rows(.interactive) == 0 && queues.rows(.bulk) == 0)
  }
}
