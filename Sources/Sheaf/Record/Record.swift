/// A record as it was received: a trivial value that points into memory the source keeps until the record's ticket comes back.
///
/// Nothing here owns anything. A stage may read the pointers as long as it holds the ticket, and never after it has handed the
/// ticket on.
public struct Record: BitwiseCopyable, @unchecked Sendable {  // The pointers are read-only and outlive every holder of the ticket.
  public var ticket: Ticket
  /// Index into the source's `topics`.
  public var topic: Int32
  public var partition: Int32
  public var offset: Int64
  /// Kafka's timestamp, milliseconds since 1970, or -1 where the record has none.
  public var timestamp: Int64
  /// When the worker took the record, nanoseconds of CLOCK_MONOTONIC.
  public var arrival: Nanoseconds
  /// `nil` base address with count 0: no key.
  public var key: UnsafeRawBufferPointer
  /// `nil` base address: a null value (a tombstone); an empty value has a base address.
  public var value: UnsafeRawBufferPointer
  public var headers: Headers

  public init(
    ticket: Ticket, topic: Int32, partition: Int32, offset: Int64, timestamp: Int64, arrival: Nanoseconds,
    key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, headers: Headers
  ) {
    self.ticket = ticket
    self.topic = topic
    self.partition = partition
    self.offset = offset
    self.timestamp = timestamp
    self.arrival = arrival
    self.key = key
    self.value = value
    self.headers = headers
  }

  @inlinable public var isNull: Bool { value.baseAddress == nil }
}

/// A record's headers, read in place through a function of the source they came from.
public struct Headers: BitwiseCopyable, @unchecked Sendable {  // As Record.
  /// Finds the last header of a name: its value and, in `count`, the value's length; `nil` where there is none. A null value
  /// is given as some non-nil address with count 0.
  public typealias Lookup = @convention(c) (_ handle: UnsafeRawPointer, _ name: UnsafePointer<CChar>, _ count: UnsafeMutablePointer<Int>) -> UnsafeRawPointer?

  let handle: UnsafeRawPointer?
  let lookup: Lookup?

  public init(handle: UnsafeRawPointer?, lookup: Lookup?) {
    self.handle = handle
    self.lookup = lookup
  }

  public static let none = Headers(handle: nil, lookup: nil)

  public var isEmpty: Bool { handle == nil }

  /// The value of the last header of that name, empty where it is null; `nil` where there is none.
  public func last(_ name: StaticString) -> UnsafeRawBufferPointer? {
    guard let handle, let lookup else { return nil }
    var count = 0
    let value = lookup(handle, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), &count)
    return value.map { UnsafeRawBufferPointer(start: $0, count: count) }
  }
}

/// Nanoseconds of CLOCK_MONOTONIC: a clock that an NTP step does not move.
public typealias Nanoseconds = UInt64
