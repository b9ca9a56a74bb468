import Testing

@testable import Sheaf

@Suite struct DeadlinesTests {
  private let second: Int64 = 1_000_000_000
  /// The machine runs for 100 s; it is 2001.
  private let clocks = Clocks(monotonic: 100_000_000_000, wall: 1_000_000_000_000_000_000)

  /// Of a record that came at 90 s.
  private func deadline(_ headers: [String: String], timeout: Nanoseconds? = nil, appended: Int64? = nil) throws -> Int64? {
    try withRecord([1], headers: headers) { record in
      var record = record
      record.arrival = 90_000_000_000
      record.timestamp = appended ?? 5
      record.isLogAppendTime = appended != nil
      return try Deadlines(timeout: timeout).deadline(of: record, clocks)
    }
  }

  @Test func thereIsNoneWithoutHeadersAndSetting() throws {
    #expect(try deadline([:]) == nil)
    #expect(try deadline(["accept": "*/*"]) == nil)
  }

  @Test func aStatedDeadlineIsATimeOfDay() throws {
    #expect(try deadline(["sheaf_deadline": "1000000000250"]) == 100 * second + second / 4)
    // Before the machine started.
    #expect(try deadline(["sheaf_deadline": "999999000000"]) == -900 * second)
    #expect(try deadline(["sheaf_deadline": "0"])! < -900_000_000 * second)
    #expect(try deadline(["sheaf_deadline": "999999999999999999"])! > 400_000_000 * second)
  }

  @Test func aTimeoutCountsFromArrivalOrTheBrokersTimestamp() throws {
    #expect(try deadline(["sheaf_timeout": "500"]) == 90 * second + second / 2)
    #expect(try deadline(["sheaf_timeout": "500"], appended: 999_999_980_000) == 80 * second + second / 2)
    #expect(try deadline(["sheaf_timeout": "0"]) == 90 * second)
    #expect(try deadline(["sheaf_timeout": "999999999999999999"])! > 400_000_000 * second)
  }

  @Test func theSettingIsForRequestsThatSayNothing() throws {
    #expect(try deadline([:], timeout: 3_000_000_000) == 93 * second)
    #expect(try deadline([:], timeout: 3_000_000_000, appended: 999_999_980_000) == 83 * second)
    #expect(try deadline(["sheaf_timeout": "500"], timeout: 3) == 90 * second + second / 2)
    #expect(try deadline(["sheaf_deadline": "1000000000000"], timeout: 3) == 100 * second)
  }

  @Test func theEarlierOfTwoCounts() throws {
    #expect(try deadline(["sheaf_deadline": "1000000000000", "sheaf_timeout": "500"]) == 90 * second + second / 2)
    #expect(try deadline(["sheaf_deadline": "1000000000000", "sheaf_timeout": "60000"]) == 100 * second)
  }

  @Test(arguments: [" 5", "-1", "1.5", "5ms", "1e3", "٣", "0x5", "1234567890123456789", "soon"]) func anythingElseIsMalformed(value: String) {
    for (name, unit) in [("sheaf_deadline", "milliseconds since 1970"), ("sheaf_timeout", "milliseconds")] {
      #expect(throws: RecordFault(.malformed, expected: "\(name) in \(unit), 1 to 18 decimal digits", came: "\"\(value)\"")) {
        try deadline([name: value])
      }
    }
  }

  @Test func aNullValueHasNoDeadline() throws {
    #expect(try withRecord(nil, headers: ["sheaf_deadline": "0"]) { try Deadlines(timeout: 1).deadline(of: $0, clocks) } == nil)
  }

  @Test func theFaultTellsByHowMuch() {
    #expect(RecordFault.expired(late: 36_500_000).came == "one that had passed by 37 ms")
  }
}
