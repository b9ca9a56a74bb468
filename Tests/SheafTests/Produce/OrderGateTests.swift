import SheafTesting
import Testing

@testable import Sheaf

@Suite struct OrderGateTests {
  private func ticket(_ sequence: Int, slot: Int = 0, epoch: UInt16 = 0) -> Ticket { Ticket(slot: slot, epoch: epoch, sequence: UInt32(truncatingIfNeeded: sequence)) }

  @Test func letsThroughInOrderWhateverTheOrderOfArrival() {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<200 {
      var gate = OrderGate<Ticket>()
      var passed: [Int: [UInt32]] = [:]
      // Three assignments, each with its own order.
      let arrivals = (0..<300).map { ticket($0 / 3, slot: $0 % 3) }.shuffled(using: &random)
      for arrival in arrivals { gate.add(arrival, arrival, pass: { passed[$0.slot, default: []].append($0.sequence) }, turnAway: { _ in Issue.record("nothing was given up") }) }
      for slot in 0..<3 { #expect(passed[slot] == Array(0..<100)) }
      #expect(gate.waiting == 0)
    }
  }

  /// Whatever the order: all before the first record given up pass, in order, and all others are turned away.
  @Test func whatIsGivenUpTurnsAwayAllBehindItAndNoneBefore() {
    var random = SeededGenerator(seed: 2)
    for _ in 0..<500 {
      let count = Int.random(in: 1...60, using: &random)
      let given = Set((0..<Int.random(in: 1...4, using: &random)).map { _ in Int.random(in: 0..<count, using: &random) })
      var gate = OrderGate<Int>()
      var passed: [Int] = [], turned: [Int] = []
      for sequence in (0..<count).shuffled(using: &random) {
        if given.contains(sequence) {
          gate.giveUp(ticket(sequence)) { turned.append($0) }
        } else {
          gate.add(ticket(sequence), sequence, pass: { passed.append($0) }, turnAway: { turned.append($0) })
        }
      }
      #expect(passed == Array(0..<given.min()!))
      #expect(turned.sorted() == (given.min()!..<count).filter { !given.contains($0) })
      #expect(gate.waiting == 0)
    }
  }

  @Test func aNewAssignmentBeginsAnew() {
    var gate = OrderGate<Int>()
    var passed: [Int] = []
    gate.add(ticket(0), 0, pass: { passed.append($0) }, turnAway: { _ in })
    gate.giveUp(ticket(1)) { _ in }
    gate.add(ticket(0, epoch: 1), 10, pass: { passed.append($0) }, turnAway: { _ in })
    #expect(passed == [0, 10])
  }
}
