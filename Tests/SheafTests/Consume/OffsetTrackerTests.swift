import SheafTesting
import Testing

@testable import Sheaf

@Suite struct OffsetTrackerTests {
  @Test func nothingReceivedCommitsThePosition() {
    let tracker = OffsetTracker(position: 7)
    #expect(tracker.committable == 7)
  }

  @Test func aCommitNeverSkipsAnUnsettledRecord() {
    var tracker = OffsetTracker(position: 0)
    let first = tracker.receive(offset: 0, kept: 1, bytes: 10)
    let second = tracker.receive(offset: 1, kept: 2, bytes: 10)
    #expect(tracker.settle(second) == .init(kept: 2, bytes: 10))
    #expect(tracker.committable == 0)
    _ = tracker.settle(first)
    #expect(tracker.committable == 2)
    #expect(tracker.outstanding == 0)
  }

  @Test func gapsAndTheEndMoveThePosition() {
    var tracker = OffsetTracker(position: 0)
    let only = tracker.receive(offset: 5, kept: 1, bytes: 0)
    tracker.advance(to: 9)
    #expect(tracker.committable == 5)
    _ = tracker.settle(only)
    #expect(tracker.committable == 9)
    tracker.advance(to: 3)
    #expect(tracker.committable == 9)
  }

  @Test func severalOutcomesSettleTogether() {
    var tracker = OffsetTracker(position: 0)
    let only = tracker.receive(offset: 0, kept: 4, bytes: 0)
    tracker.require(2, only)
    #expect(tracker.settle(only) == nil)
    #expect(tracker.committable == 0)
    #expect(tracker.settle(only)?.kept == 4)
    #expect(tracker.committable == 1)
  }

  @Test func aReleasedRecordHoldsTheCommitForGood() {
    var tracker = OffsetTracker(position: 0)
    let sequences = (0..<4).map { tracker.receive(offset: Int64($0), kept: UInt($0), bytes: 0) }
    _ = tracker.release(sequences[2])
    for index in [0, 1, 3] { _ = tracker.settle(sequences[index]) }
    #expect(tracker.outstanding == 0)
    #expect(tracker.committable == 2)
  }

  /// Random interleavings against a plain model: the lowest unsettled offset, else the position; everything kept comes back once.
  @Test(arguments: 0..<40) func agreesWithAPlainModel(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var tracker = OffsetTracker(position: 100)
    var inside: [(sequence: UInt32, offset: Int64)] = [], released: Int64 = .max
    var next: Int64 = 100, position: Int64 = 100, kept: Set<UInt> = []
    for step in 0..<4000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5:
        next += .random(in: 0...2, using: &random)
        inside.append((tracker.receive(offset: next, kept: UInt(step), bytes: 1), next))
        kept.insert(UInt(step))
        next += 1
        position = next
      case 5..<9 where !inside.isEmpty:
        let record = inside.remove(at: .random(in: inside.indices, using: &random))
        let back = tracker.settle(record.sequence)
        #expect(kept.remove(back!.kept) != nil)
      case 9 where !inside.isEmpty && step > 3900:
        let record = inside.remove(at: .random(in: inside.indices, using: &random))
        #expect(kept.remove(tracker.release(record.sequence).kept) != nil)
        released = min(released, record.offset)
      default: break
      }
      let unsettled = min(released, inside.map(\.offset).min() ?? .max)
      #expect(tracker.committable == (unsettled == .max ? position : unsettled))
      #expect(tracker.outstanding == inside.count && kept.count == inside.count)
    }
  }
}
