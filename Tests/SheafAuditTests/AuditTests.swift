import SheafAudit
import SheafTesting
import Testing

@Suite struct AuditTests {
  private func audit(_ count: Int64, errorReply: Bool = true, deadLetter: Bool = false) -> Audit {
    var audit = Audit([(topic: "requests", offsets: [0..<count, 100..<100])], requirements: .init(errorReply: errorReply, deadLetter: deadLetter))
    for offset in 0..<count { audit.request(id(offset)) }
    return audit
  }

  private func id(_ offset: Int64) -> Audit.RequestID { .init(topic: 0, partition: 0, offset: offset) }

  @Test func everyRecordHasItsReply() {
    var audit = audit(3)
    for offset in 0..<3 as Range<Int64> { audit.reply(to: id(offset), place: 0) }
    let report = audit.report()
    #expect(report.records == 3 && report.answered == 3 && report.isClean(exactlyOnce: true) && report.reordered == 0)
  }

  @Test func oneWithoutIsLostAndNamed() {
    var audit = audit(3)
    audit.reply(to: id(0), place: 0)
    audit.reply(to: id(2), place: 0)
    let report = audit.report(committed: [id(2)])
    #expect(report.lost == 1 && report.committedPast == 1 && report.examples == ["requests/0/1"] && !report.isClean())
    #expect(audit.report(committed: [id(1)]).committedPast == 0)
  }

  @Test func anOffsetThatWasNotReadIsNoRecord() {
    var audit = Audit([(topic: "requests", offsets: [5..<9])], requirements: .init(errorReply: true, deadLetter: false))
    audit.request(id(6))
    audit.reply(to: id(6), place: 0)
    audit.reply(to: id(7), place: 0)
    audit.reply(to: id(99), place: 0)
    let report = audit.report()
    #expect(report.records == 1 && report.lost == 0 && report.strays == 2)
  }

  @Test func aFailedRecordNeedsAllThatIsRequired() {
    var audit = audit(4, deadLetter: true)
    audit.reply(to: id(0), place: 0, code: "malformed")
    audit.deadLetter(of: id(0))
    audit.reply(to: id(1), place: 0, code: "model-failed")
    audit.deadLetter(of: id(2))
    audit.reply(to: id(3), place: 0)
    let report = audit.report()
    #expect(report.failed == 2 && report.deadLettered == 2 && report.answered == 1)
    #expect(report.codes == ["malformed": 1, "model-failed": 1])
    #expect(report.examples == ["requests/0/1", "requests/0/2"])
  }

  @Test func repeatsAreCountedWhateverTheyAre() {
    var audit = audit(1, deadLetter: true)
    audit.reply(to: id(0), place: 0, code: "malformed")
    audit.reply(to: id(0), place: 1)
    audit.deadLetter(of: id(0))
    audit.deadLetter(of: id(0))
    let report = audit.report()
    #expect(report.duplicated == 2 && report.isClean() && !report.isClean(exactlyOnce: true))
  }

  @Test func orderCountsWithinAReplyPartition() {
    var audit = audit(4)
    audit.reply(to: id(1), place: 0)
    audit.reply(to: id(0), place: 1)
    audit.reply(to: id(3), place: 0)
    audit.reply(to: id(2), place: 0)
    #expect(audit.report().reordered == 1)
  }

  @Test(arguments: ["requests/0/17", "a/b/0/17", "requests/0/", "requests//1", "requests/0/1x", "requests/-1/1", "other/0/1", "", "/", "requests/0/99999999999999999999"])
  func readsIDs(_ text: String) {
    let found = Array(text.utf8).withUnsafeBytes { audit(1).id($0) }
    #expect(found == (text == "requests/0/17" ? id(17) : nil))
  }

  @Test func tellsMachines() {
    var audit = audit(2)
    audit.reply(to: id(0), place: 0, code: "a\"b")
    #expect(audit.report().json == #"{"records":2,"answered":0,"failed":1,"deadLettered":0,"lost":1,"committedPast":0,"duplicated":0,"reordered":0,"strays":0,"codes":{"a\"b":1},"examples":["requests/0/1"]}"#)
  }

  /// Random runs with planted losses, repeats and changes of order: each is found, and nothing else.
  @Test(arguments: 0..<100 as Range<UInt64>) func findsWhatWasPlanted(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let partitions = Int.random(in: 1...4, using: &random), places = Int.random(in: 1...3, using: &random)
    let needsDeadLetter = Bool.random(using: &random)
    var planted = AuditReport()
    var ranges: [Range<Int64>] = []
    var requests: [Audit.RequestID] = []
    /// What is in each reply partition, in order.
    var replies = [[(Audit.RequestID, String?)]](repeating: [], count: places)
    var deadLetters: [Audit.RequestID] = []
    var committed: [Audit.RequestID] = []
    for partition in 0..<partitions {
      let start = Int64.random(in: 0...1000, using: &random), end = start + Int64.random(in: 0...200, using: &random)
      ranges.append(start..<end)
      let commit = Int64.random(in: start...end, using: &random)
      committed.append(.init(topic: 0, partition: partition, offset: commit))
      for offset in start..<end where Int.random(in: 0..<20, using: &random) > 0 {  // Else a marker.
        let id = Audit.RequestID(topic: 0, partition: partition, offset: offset)
        requests.append(id)
        planted.records += 1
        let place = Int.random(in: 0..<places, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0:
          planted.lost += 1
          if offset < commit { planted.committedPast += 1 }
          if planted.examples.count < AuditReport.exampleCount { planted.examples.append("requests/\(partition)/\(offset)") }
        case 1...3:
          let code = ["malformed", "model-failed", "too-large"].randomElement(using: &random)!
          planted.failed += 1
          planted.codes[code, default: 0] += 1
          replies[place].append((id, code))
          if needsDeadLetter {
            planted.deadLettered += 1
            deadLetters.append(id)
          }
        default:
          planted.answered += 1
          replies[place].append((id, nil))
        }
      }
    }
    // Neighbours in the order of their partition change places: one of the two comes late.
    for place in 0..<places {
      var index = 1
      while index < replies[place].count {
        if replies[place][index - 1].0.partition == replies[place][index].0.partition, Int.random(in: 0..<10, using: &random) == 0 {
          replies[place].swapAt(index - 1, index)
          planted.reordered += 1
          index += 1
        }
        index += 1
      }
      // Repeats of what came before.
      for _ in 0..<Int.random(in: 0...5, using: &random) where !replies[place].isEmpty {
        replies[place].append(replies[place].randomElement(using: &random)!)
        planted.duplicated += 1
      }
    }
    if let id = deadLetters.randomElement(using: &random) {
      deadLetters.append(id)
      planted.duplicated += 1
    }

    var audit = Audit([(topic: "requests", offsets: ranges)], requirements: .init(errorReply: true, deadLetter: needsDeadLetter))
    for id in requests { audit.request(id) }
    for (place, replies) in replies.enumerated() { for (id, code) in replies { audit.reply(to: id, place: place, code: code) } }
    for id in deadLetters { audit.deadLetter(of: id) }
    #expect(audit.report(committed: committed) == planted)
  }
}
