import SheafTesting
import Testing

@testable import SheafCommand

@Suite struct YAMLTests {
  @Test func everyValueHasItsPlace() throws {
    let root = try #require(try YAMLReader.read(Array("a: 1\nb:\n  - x\n  - {c: 'd e'}\n".utf8)))
    guard case .mapping(let entries) = root.content, case .sequence(let items) = entries[1].value.content, case .mapping(let inner) = items[1].content,
      case .scalar(let text) = inner[0].value.content
    else {
      Issue.record("read as \(root)")
      return
    }
    #expect(entries.map(\.key) == ["a", "b"])
    #expect(entries.map(\.position) == [Position(line: 1, column: 1), Position(line: 2, column: 1)])
    #expect(items.map(\.position) == [Position(line: 3, column: 5), Position(line: 4, column: 5)])
    #expect(inner[0].value.position == Position(line: 4, column: 9))
    #expect(text == "d e")
  }

  /// Bytes at random, and a right file with some changed, are read or refused, never more.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func randomBytes(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let right = Array(file(adding: "limits: { records: 100, bytes: 64MiB }\n").utf8)
    for _ in 0..<250 {
      var bytes = right
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[place] = Array("{}[]:,&*!|>'\"#%@`-\t\n ".utf8).randomElement(using: &generator)!
        default: bytes.removeSubrange(place..<min(bytes.count, place + 10))
        }
      }
      for line in faults(bytes) { #expect(!line.contains("\n") && line.contains("; ")) }
    }
  }
}
