import Glibc

/// Reads the present once on both clocks, so that what people write (time of day) becomes what the worker waits on.
struct Clocks {
  var monotonic: Nanoseconds
  /// Nanoseconds since 1970.
  var wall: Int64

  static func now() -> Clocks {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Clocks(monotonic: monotonicNow(), wall: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}

extension Clocks {
  /// How long a record had waited when it arrived here, where its timestamp is the broker's; 0 else: a producer's clock is not trusted.
  @inline(__always) func before(_ record: Record) -> Nanoseconds {
    guard record.isLogAppendTime else { return 0 }
    let waited = wall - Deadlines.nanoseconds(record.timestamp) - (Int64(monotonic) - Int64(record.arrival))
    return Nanoseconds(max(0, waited))
  }
}

/// Until when a request is worth running: its `sheaf_deadline`, its `sheaf_timeout`, or the configured default. Pure.
struct Deadlines {
  /// `topics.timeout`: of requests that carry neither header; `nil`: none.
  var timeout: Nanoseconds?

  /// A request's deadline on CLOCK_MONOTONIC, in nanoseconds, before 0 where it passed before the machine started; `nil`: it has
  /// none. With both headers the earlier one counts.
  ///
  /// A timeout begins at the record's timestamp where that is the broker's, else at its arrival: a producer's clock is trusted only
  /// where it states a deadline.
  @inline(__always) func deadline(of record: Record, _ clocks: Clocks) throws(RecordFault) -> Int64? {
    if record.headers.isEmpty, timeout == nil { return nil }
    return try find(record, clocks)
  }

  private func find(_ record: Record, _ clocks: Clocks) throws(RecordFault) -> Int64? {
    if record.isNull { return nil }  // Answered or skipped as such.
    let stated = try milliseconds(record, .deadline, "milliseconds since 1970").map { Deadlines.nanoseconds($0) - clocks.wall + Int64(clocks.monotonic) }
    let given = try milliseconds(record, .timeout, "milliseconds").map(Deadlines.nanoseconds)
    guard let allowed = given ?? (stated == nil ? timeout.map { Int64(clamping: $0) } : nil) else { return stated }
    let begin = record.isLogAppendTime ? Deadlines.nanoseconds(record.timestamp) - clocks.wall + Int64(clocks.monotonic) : Int64(record.arrival)
    let (ended, overflow) = begin.addingReportingOverflow(allowed)
    return min(stated ?? .max, overflow ? .max : ended)
  }

  /// A number of milliseconds in a header, not negative; `nil`: there is no such header.
  private func milliseconds(_ record: Record, _ header: KnownHeader, _ unit: String) throws(RecordFault) -> Int64? {
    guard let value = record.headers.last(header), !value.isEmpty else { return nil }
    var number: Int64 = 0
    let isNumber = value.count <= 18 && value.allSatisfy { $0 &- 48 < 10 }
    guard isNumber else {
      throw RecordFault(.malformed, expected: "\(header.name) in \(unit), 1 to 18 decimal digits", came: "\"\(excerpt(value))\"")
    }
    for digit in value { number = number * 10 + Int64(digit &- 48) }
    return number
  }

  /// Far ahead at most, so that sums with clocks fit.
  static func nanoseconds(_ milliseconds: Int64) -> Int64 { min(max(0, milliseconds), Int64.max / 4_000_000) * 1_000_000 }
}

extension RecordFault {
  /// - Parameter late: nanoseconds since the deadline.
  static func expired(late: Int64) -> RecordFault {
    RecordFault(
      .expired, expected: "a deadline (sheaf_deadline, sheaf_timeout or topics.timeout) that has not passed when a batch can be had",
      came: "one that had passed by \(late / 1_000_000 + 1) ms")
  }
}
