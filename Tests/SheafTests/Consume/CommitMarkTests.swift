import SheafTesting
import Testing

@testable import Sheaf

@Suite struct CommitMarkTests {
  @Test(arguments: [CommitMark(holder: 0, begun: nil), CommitMark(holder: .max, begun: 0), CommitMark(holder: 0xabc, begun: .max)])
  func isReadAsItWasWritten(mark: CommitMark) {
    #expect(CommitMark(mark.metadata) == mark)
    #expect(mark.metadata.utf8.count < 64)
  }

  @Test func isAsDocumented() {
    #expect(CommitMark("sheaf/1 9f86 begun=1200") == CommitMark(holder: 0x9f86, begun: 1200))
    #expect(CommitMark("sheaf/1 9f86 clean") == CommitMark(holder: 0x9f86, begun: nil))
  }

  @Test(arguments: ["", "clean", "sheaf/2 1 begun=5", "sheaf/1 xyz begun=5", "sheaf/1 1 begun=-5", "sheaf/1 1 begun=", "sheaf/1 1 begun=5 more", "sheaf/1 1", "consumer-1@host", "sheaf/1 1 begun=99999999999999999999"])
  func whatIsForeignSaysNothing(metadata: String) { #expect(CommitMark(metadata) == nil) }
}

@Suite struct BegunMarkTests {
  @Test func nothingIsHandedOnBeforeTheFirstAcknowledgement() {
    var mark = BegunMark(position: 100, suspects: 0, span: 20_000)
    #expect(mark.acknowledged == 100 && mark.isDue(next: 100))
    let begun = mark.propose(next: 100)
    #expect(begun > 100 && mark.acknowledged == 100)
    mark.acknowledge(begun)
    #expect(mark.acknowledged == begun && !mark.isDue(next: 100))
  }

  @Test func suspectsStayMarkedUntilTheyAreSettled() {
    var mark = BegunMark(position: 10, suspects: 90_000, span: 100)
    #expect(mark.propose(next: 10) == 90_000)
    #expect(mark.last(committing: 89_999) == 90_000)
    #expect(mark.last(committing: 90_000) == nil)
  }

  /// A worker at random rates, whose commits take a random time and sometimes fail, killed at a random moment: whatever was handed
  /// on and is not committed lies below the committed mark, the mark never goes back, and it is never further ahead than a stride.
  @Test(arguments: 0..<60) func whatBegunIsAlwaysMarked(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let span = [1, 7, 500, 20_000].randomElement(using: &random)!
    let start = Int64.random(in: 0..<1000, using: &random), suspects = Bool.random(using: &random) ? 0 : start + .random(in: 0..<3000, using: &random)
    var mark = BegunMark(position: start, suspects: suspects, span: span)
    var next = start, settled = start, stored: (offset: Int64, begun: Int64) = (start, start), onItsWay: (offset: Int64, begun: Int64)?
    var handed = 0
    for _ in 0..<5000 {
      switch Int.random(in: 0..<8, using: &random) {
      case 0..<4:  // Reads as much as the mark allows.
        let most = min(mark.acknowledged - next, .random(in: 1...(seed % 3 == 0 ? 5000 : 20), using: &random))
        if most > 0 {
          next += most
          handed += Int(most)
        }
      case 4: settled = .random(in: settled...next, using: &random)
      case 5 where onItsWay == nil:
        if mark.isDue(next: next) || settled > stored.offset { onItsWay = (settled, mark.propose(next: next)) }
      case 6:
        guard let commit = onItsWay else { break }
        onItsWay = nil
        if Int.random(in: 0..<5, using: &random) == 0 { break }  // Refused.
        stored = commit
        if Int.random(in: 0..<5, using: &random) == 0 { break }  // Taken, but its answer is lost.
        mark.acknowledge(commit.begun)
      default: break
      }
      #expect(next <= max(start, stored.begun), "an offset was handed on that a new owner would not suspect")
      #expect(mark.acknowledged <= max(start, stored.begun))
      #expect(stored.begun <= max(next + Int64(max(span, 1)), suspects))
    }
    #expect(handed > 100, "reading stalled for good")
  }
}
