import SheafKafka
import SheafTesting
import Testing

@testable import Sheaf

@Suite struct AssignmentMachineTests {
  private let a = TopicPartition("t", 0), b = TopicPartition("t", 1)

  @Test func aRevokeDrainsCommitsAndOnlyThenIsAnswered() {
    var machine = AssignmentMachine(bound: 1000)
    #expect(machine.assigned([a, b]) == [.open([a, b])])
    #expect(machine.revoked([a, b], lost: false, now: 10) == [.withdraw([a, b])])
    #expect(machine.deadline == 810)
    #expect(machine.emptied(now: 20) == [.commit([a, b])])
    #expect(machine.committed(now: 30) == [.letGo([a, b]), .answer([a, b])])
    #expect(machine.phase == .steady)
    #expect(machine.owned.isEmpty)
  }

  @Test func aCooperativeRevokeLeavesTheRest() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a])
    _ = machine.assigned([b])
    #expect(machine.revoked([b], lost: false, now: 0) == [.withdraw([b])])
    _ = machine.emptied(now: 1)
    #expect(machine.committed(now: 2) == [.letGo([b]), .answer([b])])
    #expect(machine.owned == [a])
  }

  @Test func theBoundLetsGoOfWhatIsUnsettled() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a])
    _ = machine.revoked([a], lost: false, now: 0)
    #expect(machine.passed(799) == [])
    #expect(machine.passed(800) == [.commit([a])])
    #expect(machine.passed(999) == [])
    #expect(machine.passed(1000) == [.letGo([a]), .answer([a])])
  }

  @Test func lostPartitionsCommitNothing() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a, b])
    #expect(machine.revoked([a, b], lost: true, now: 0) == [.withdraw([a, b]), .letGo([a, b]), .answer([a, b])])
    #expect(machine.phase == .steady)
  }

  @Test func aStopDrainsEverythingAndCloses() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a])
    #expect(machine.stop(now: 0) == [.withdraw([a])])
    #expect(machine.stop(now: 1) == [])
    _ = machine.emptied(now: 2)
    #expect(machine.committed(now: 3) == [.letGo([a]), .close])
    #expect(machine.phase == .closing)
    // The client's own farewell revoke is answered at once.
    #expect(machine.revoked([a], lost: false, now: 4) == [.answer([a])])
  }

  @Test func aStopWithNothingAssignedCloses() {
    var machine = AssignmentMachine(bound: 1000)
    #expect(machine.stop(now: 0) == [])
    #expect(machine.emptied(now: 0) == [.commit([])])
    #expect(machine.committed(now: 0) == [.close])
  }

  @Test func anAssignmentWhileStoppingIsDeclined() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.stop(now: 0)
    #expect(machine.assigned([a]) == [.open([])])
    #expect(machine.owned.isEmpty)
  }

  @Test func aRevokeDuringTheLastDrainIsAnsweredWithIt() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a])
    _ = machine.stop(now: 0)
    #expect(machine.revoked([a], lost: false, now: 1) == [])
    _ = machine.emptied(now: 2)
    #expect(machine.committed(now: 3) == [.letGo([a]), .answer([a]), .close])
  }

  @Test func aStopDuringARebalanceDrainsTheRestAfterIt() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a, b])
    _ = machine.revoked([a], lost: false, now: 0)
    #expect(machine.stop(now: 1) == [])
    #expect(machine.emptied(now: 2) == [.commit([a])])
    // The rest has a bound of its own, counted from here.
    #expect(machine.committed(now: 500) == [.letGo([a]), .answer([a]), .withdraw([b])])
    #expect(machine.leaving == [b] && machine.deadline == 1300)
    #expect(machine.emptied(now: 600) == [.commit([b])])
    #expect(machine.committed(now: 700) == [.letGo([b]), .close])
  }

  @Test func aLossDuringADrainAnswersBothEvents() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a, b])
    _ = machine.revoked([a], lost: false, now: 0)
    #expect(machine.revoked([a, b], lost: true, now: 1) == [.withdraw([a, b]), .letGo([a, b]), .answer([]), .answer([a, b])])
    #expect(machine.phase == .steady)
    // Nothing of it is left: the next drain answers its own event only.
    _ = machine.assigned([a])
    _ = machine.revoked([a], lost: false, now: 10)
    _ = machine.emptied(now: 11)
    #expect(machine.committed(now: 12) == [.letGo([a]), .answer([a])])
  }

  @Test func aLossOfSomeLeavesTheDrainOfTheOthers() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a, b])
    _ = machine.revoked([a, b], lost: false, now: 0)
    #expect(machine.revoked([a], lost: true, now: 1) == [.withdraw([a]), .letGo([a]), .answer([a])])
    #expect(machine.emptied(now: 2) == [.commit([b])])
    #expect(machine.committed(now: 3) == [.letGo([b]), .answer([a, b])])
  }

  @Test func aRevokeThatJoinsADrainSharesItsBound() {
    var machine = AssignmentMachine(bound: 1000)
    _ = machine.assigned([a, b])
    _ = machine.revoked([a], lost: false, now: 0)
    _ = machine.emptied(now: 100)
    #expect(machine.revoked([b], lost: false, now: 700) == [.withdraw([b])])
    // The answer to the first commit says nothing of the second's partitions.
    #expect(machine.committed(now: 710) == [])
    #expect(machine.passed(800) == [.commit([a, b])])
    #expect(machine.passed(1000) == [.letGo([a, b]), .answer([a]), .answer([b])])
  }

  /// Random events against a plain account of who owns what: every revoke is answered once and within its bound, nothing is let
  /// go before it was withdrawn, nothing is committed once it was lost or let go, and a stop ends in closing within two bounds.
  @Test(arguments: 0..<200) func randomEventsKeepEveryPromise(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var account = Account()
    let steps = Int.random(in: 20...300, using: &random), stopAt = Int.random(in: 0..<steps, using: &random)
    for step in 0..<steps where !account.isClosed {
      account.pass(.random(in: 0...60, using: &random))
      if step == stopAt { account.stop() }
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3: account.assign(Int.random(in: 1...3, using: &random))
      case 3..<5: account.revoke(account.some(&random), lost: false)
      case 5: account.revoke(account.some(&random), lost: true)
      case 6..<8: account.empty()
      default: account.commitAnswer()
      }
    }
    account.stop()
    account.pass(2 * Account.bound)
    #expect(account.isClosed && account.waiting.isEmpty && account.owned.isEmpty)
    #expect(account.answers == account.revokes)
  }

  /// The world around the machine: performs its actions and holds it to its promises.
  private struct Account {
    static let bound: Nanoseconds = 100
    var machine = AssignmentMachine(bound: bound)
    var now: Nanoseconds = 0
    var owned: Set<TopicPartition> = [], withdrawn: Set<TopicPartition> = []
    /// When the revokes that are not answered yet came.
    var waiting: [Nanoseconds] = []
    var revokes = 0, answers = 0, next: Int32 = 0
    var stoppedAt: Nanoseconds?
    var isClosed = false

    /// Time passes; the machine is called at its deadline, as the consume thread does.
    mutating func pass(_ time: Nanoseconds) {
      let end = now + time
      while let deadline = machine.deadline, deadline <= end {
        now = max(now, deadline)
        let actions = machine.passed(now)
        #expect(!actions.isEmpty, "a deadline that does nothing is asked again for ever")
        handle(actions)
        if actions.isEmpty { break }
      }
      now = end
      #expect(waiting.allSatisfy { now - $0 <= Account.bound }, "a revoke waits beyond the bound")
      if let stoppedAt, !isClosed { #expect(now - stoppedAt <= 2 * Account.bound) }
    }

    func some(_ random: inout SeededGenerator) -> [TopicPartition] { owned.sorted { $0.partition < $1.partition }.filter { _ in Bool.random(using: &random) } }

    mutating func assign(_ count: Int) {
      let partitions = (0..<Int32(count)).map { TopicPartition("t", next + $0) }
      next += Int32(count)
      handle(machine.assigned(partitions))
    }

    mutating func revoke(_ partitions: [TopicPartition], lost: Bool) {
      revokes += 1
      let earlier = waiting, before = answers
      waiting.append(now)
      handle(machine.revoked(partitions, lost: lost, now: now))
      guard lost else { return }
      #expect(owned.isDisjoint(with: partitions) && [1, earlier.count + 1].contains(answers - before), "a loss waits for nothing")
      waiting = answers - before == 1 ? earlier : []
    }

    mutating func stop() {
      stoppedAt = stoppedAt ?? now
      handle(machine.stop(now: now))
    }

    mutating func empty() { handle(machine.emptied(now: now)) }
    mutating func commitAnswer() { handle(machine.committed(now: now)) }

    private mutating func handle(_ actions: [AssignmentMachine.Action]) {
      for action in actions {
        switch action {
        case .open(let list):
          #expect(stoppedAt == nil || list.isEmpty)
          owned.formUnion(list)
        case .withdraw(let list): withdrawn.formUnion(list)
        case .commit(let list): #expect(owned.isSuperset(of: list) && withdrawn.isSuperset(of: list), "committed what was lost or is still read")
        case .letGo(let list):
          #expect(owned.isSuperset(of: list) && withdrawn.isSuperset(of: list))
          owned.subtract(list)
        case .answer:
          answers += 1
          #expect(answers <= revokes)
          if !waiting.isEmpty { waiting.removeFirst() }
        case .close:
          #expect(owned.isEmpty && waiting.isEmpty && !isClosed)
          isClosed = true
        }
      }
    }
  }
}
