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
  }

  /// Random events: a revoke is answered exactly once, nothing is let go before it was withdrawn, and a stop ends in closing.
  @Test(arguments: 0..<50) func everyRevokeIsAnsweredOnce(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var machine = AssignmentMachine(bound: 100)
    var now: Nanoseconds = 0, revokes = 0, answers = 0, closed = false
    var owned: Set<TopicPartition> = [], withdrawn: Set<TopicPartition> = [], next: Int32 = 0
    var revokeOpen = false
    func handle(_ actions: [AssignmentMachine.Action]) {
      for action in actions {
        switch action {
        case .open(let list): owned.formUnion(list)
        case .withdraw(let list): withdrawn.formUnion(list)
        case .commit: break
        case .letGo(let list):
          #expect(withdrawn.isSuperset(of: list))
          owned.subtract(list)
        case .answer:
          answers += 1
          revokeOpen = false
        case .close:
          #expect(owned.isEmpty && !closed)
          closed = true
        }
      }
    }
    for step in 0..<600 {
      now += .random(in: 0...30, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0 where !revokeOpen && !closed && step < 500:
        handle(machine.assigned([TopicPartition("t", next), TopicPartition("t", next + 1)]))
        next += 2
      case 1 where !revokeOpen && !owned.isEmpty:
        revokes += 1
        revokeOpen = true
        let some = owned.filter { _ in Bool.random(using: &random) }
        let list = some.isEmpty ? Array(owned) : Array(some)
        handle(machine.revoked(list, lost: Int.random(in: 0..<4, using: &random) == 0, now: now))
      case 2: if case .draining = machine.phase { handle(machine.emptied(now: now)) }
      case 3: if case .committing = machine.phase { handle(machine.committed(now: now)) }
      case 4 where step == 550: handle(machine.stop(now: now))
      default: handle(machine.passed(now))
      }
    }
    handle(machine.stop(now: now))
    for _ in 0..<10 where !closed {
      now += 100
      handle(machine.passed(now))
    }
    #expect(closed)
    #expect(answers == revokes)
  }
}
