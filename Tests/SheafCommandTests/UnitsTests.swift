import SheafTesting
import Testing

@testable import SheafCommand

@Suite struct UnitsTests {
  /// What is written is read back, whatever the amount.
  @Test(arguments: [1, 2, 3] as [UInt64]) func textsAreReadBack(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      let shift = Int.random(in: 0..<50, using: &generator)
      let microseconds = UInt64.random(in: 0...(1 << shift), using: &generator)
      #expect(try Units.duration(Units.text(duration: microseconds * 1000)) == microseconds * 1000)
      let bytes = Int.random(in: 0...(1 << shift), using: &generator)
      #expect(try Units.bytes(Units.text(bytes: bytes)) == bytes)
    }
  }

  /// A number times a unit is that many, with a space or without, and one that does not fit is refused, not wrapped.
  @Test(arguments: [4, 5, 6] as [UInt64]) func numbersTimesUnits(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      let number = UInt64.random(in: 0...(1 << Int.random(in: 0..<63, using: &generator)), using: &generator)
      for (unit, factor) in Units.durations {
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        let text = "\(number)\(Bool.random(using: &generator) ? " " : "")\(unit)"
        #expect((try? Units.duration(text)) == (overflow || product > UInt64(Int.max) ? nil : product))
      }
      for (unit, factor) in Units.sizes {
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        #expect((try? Units.bytes("\(number)\(unit)")) == (overflow || product > UInt64(Int.max) ? nil : Int(product)))
      }
    }
  }

  /// No text at all crashes or is read as something it does not say.
  @Test(arguments: [7, 8, 9] as [UInt64]) func randomTexts(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet = Array("0159 .-+_eEmsuhinBKMGib٣½\u{301}")
    for _ in 0..<5000 {
      let text = String((0..<Int.random(in: 0...8, using: &generator)).map { _ in alphabet.randomElement(using: &generator)! })
      let isMeant = text.wholeMatch(of: #/[0-9]+ *(us|ms|s|min|h)/#) != nil
      #expect(((try? Units.duration(text)) != nil) == isMeant, "\(text)")
    }
  }

  @Test(arguments: ["", "5", "ms", "5 parsecs", "-5ms", "1.5s", "5MS", "0x5ms", "5ms5"]) func isNoDuration(_ text: String) {
    #expect(throws: Units.Wrong.self) { try Units.duration(text) }
  }

  @Test(arguments: ["", "5", "MiB", "5MB", "5mib", "-1B", "1.5GiB"]) func isNoSize(_ text: String) {
    #expect(throws: Units.Wrong.self) { try Units.bytes(text) }
  }
}
