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
  /// The timestamp is the broker's, when it appended the record; else it is what the producer said. Default false.
  public var isLogAppendTime = false

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

/// Nanoseconds of CLOCK_MONOTONIC: a clock that an NTP step does not move.
public typealias Nanoseconds = UInt64
