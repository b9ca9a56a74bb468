import Glibc
import SheafTesting
import Testing

@testable import Sheaf

@Suite struct FailureMachineTests {
  /// What became of each request, and how many runs it took.
  private struct Result {
    var answered: [Int]
    var failed: [Int]
    var runs = 0
    init(_ count: Int) {
      answered = Array(repeating: 0, count: count)
      failed = answered
    }
  }

  /// Runs a batch to its end; a run passes where `outcome` says so.
  private func play(_ count: Int, _ outcome: (Range<Int>, _ run: Int) -> FailureMachine.Outcome) -> Result {
    var machine = FailureMachine(count: count), result = Result(count)
    while result.runs < 10_000 {
      switch machine.step {
      case .done: return result
      case .run(let range):
        result.runs += 1
        let outcome = outcome(range, result.runs)
        if outcome == .answered { for index in range { result.answered[index] += 1 } }
        machine.ran(outcome, now: 0, random: 0)
      case .fail(let index):
        result.failed[index] += 1
        machine.told()
      case .wait(let until): machine.waited(until)
      case .hold: machine.held()
      }
    }
    return result
  }

  @Test func oneCulpritCostsFewRunsWhereverItStands() {
    for count in [1, 2, 3, 4, 5, 6, 7, 9, 13, 31, 32, 33, 64, 100, 257] {
      for culprit in 0..<count {
        let result = play(count) { range, _ in range.contains(culprit) ? .failed : .answered }
        #expect(result.failed == (0..<count).map { $0 == culprit ? 1 : 0 })
        #expect(result.answered == (0..<count).map { $0 == culprit ? 0 : 1 })
        #expect(Double(result.runs - 1) <= 2 * log2(Double(count)) + 2, "culprit \(culprit) of \(count): \(result.runs) runs")
      }
    }
  }

  /// A record that kills the child process fails once it has done so twice alone; whatever else kills a child once fails nobody.
  @Test func aRecordThatKillsIsFoundAndALoneKillFailsNobody() {
    for count in [1, 2, 7, 64, 100] {
      for culprit in 0..<count {
        let result = play(count) { range, _ in range.contains(culprit) ? .crashed : .answered }
        #expect(result.failed == (0..<count).map { $0 == culprit ? 1 : 0 } && result.answered == (0..<count).map { $0 == culprit ? 0 : 1 })
        #expect(Double(result.runs - 1) <= 2 * log2(Double(count)) + 2, "culprit \(culprit) of \(count): \(result.runs) runs")
      }
      for killed in 1...8 {
        let result = play(count) { _, run in run == killed ? .crashed : .answered }
        #expect(result.failed.allSatisfy { $0 == 0 } && result.answered.allSatisfy { $0 == 1 })
      }
    }
  }

  @Test func anyCulpritsFailOnceAndTheOthersAreAnsweredOnce() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<2000 {
      let count = Int.random(in: 1...80, using: &random)
      let culprits = Set((0..<Int.random(in: 0...count, using: &random)).map { _ in Int.random(in: 0..<count, using: &random) })
      // Some parts exhaust the memory as well, by their size.
      let most = Int.random(in: 1...80, using: &random)
      let result = play(count) { range, _ in
        range.count > most ? .outOfMemory : culprits.contains(where: range.contains) ? .failed : .answered
      }
      #expect(result.failed == (0..<count).map { culprits.contains($0) ? 1 : 0 })
      #expect(result.answered == (0..<count).map { culprits.contains($0) ? 0 : 1 })
      #expect(result.runs <= 2 * count + 1)
    }
  }

  /// A fault that a second try mends fails nobody; so does one that comes of two records' company, though neither is at fault.
  @Test func nobodyFailsForWhatPasses() {
    let second = play(32) { _, run in run == 1 ? .failed : .answered }
    #expect(second.runs == 2 && second.failed.allSatisfy { $0 == 0 } && second.answered.allSatisfy { $0 == 1 })
    let company = play(32) { range, _ in range.contains(3) && range.contains(30) ? .failed : .answered }
    #expect(company.failed.allSatisfy { $0 == 0 } && company.answered.allSatisfy { $0 == 1 })
  }

  @Test func anAbsentModelIsAskedAgainWithGrowingPausesAndThenHoldsTheWorker() {
    var machine = FailureMachine(count: 4), now: Nanoseconds = 0, waits: [Nanoseconds] = []
    for _ in 0..<FailureMachine.attempts {
      #expect(machine.step == .run(0..<4))
      machine.ran(.unavailable, now: now, random: 0)
      guard case .wait(let until) = machine.step else { break }
      machine.waited(until - 1)
      #expect(machine.step == .wait(until: until))
      waits.append(until - now)
      now = until
      machine.waited(now)
    }
    #expect(waits == [100, 200, 400, 800, 1600, 3200, 5000, 5000].map { $0 * 1_000_000 })
    machine.ran(.unavailable, now: now, random: 0)
    #expect(machine.step == .hold)
    machine.held()
    #expect(machine.step == .run(0..<4) && machine.unanswered == [0, 1, 2, 3])
    // Its pauses begin anew once it has run.
    machine.ran(.failed, now: now, random: 0)
    machine.ran(.unavailable, now: now, random: 0)
    #expect(machine.step == .wait(until: now + 100_000_000))
  }

  @Test func whatIsKeptRunsAgainAlone() {
    var machine = FailureMachine(count: 2)
    for _ in 0..<2 { machine.ran(.failed, now: 0, random: 0) }
    machine.ran(.failed, now: 0, random: 0)
    #expect(machine.step == .fail(0))
    machine.keep()
    #expect(machine.step == .run(0..<1) && machine.unanswered == [0, 1])
    machine.ran(.answered, now: 0, random: 0)
    #expect(machine.step == .run(1..<2) && machine.unanswered == [1])
  }

  @Test func backOffsStayBetweenHalfAndWhole() {
    var random = SeededGenerator(seed: 1)
    let backOff = BackOff(first: 1000, most: 60_000)
    for attempt in 0..<100 {
      let whole: Nanoseconds = attempt < 6 ? 1000 << UInt64(attempt) : 60_000
      for _ in 0..<20 { #expect((whole / 2...whole).contains(backOff.delay(attempt, random: random.next()))) }
    }
    #expect(BackOff(first: 1 << 40, most: .max).delay(90, random: 0) == .max)
  }
}
