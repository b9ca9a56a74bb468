/// Names one record inside the worker, in 64 bits, so that it can travel as librdkafka's produce opaque and a delivery report
/// settles its record without a look-up by key.
///
///     slot 12 | epoch 16 | sequence 32 | outcome 4
///
/// *slot* is the assigned partition's place in the worker's table, *epoch* counts the assignments of that slot (wrapping),
/// *sequence* counts the records of the assignment, *outcome* tells several produced outcomes of one record apart.
public struct Ticket: Hashable, Sendable, BitwiseCopyable {
  public var bits: UInt64

  @inlinable public init(bits: UInt64) { self.bits = bits }

  /// - Parameters: slot 0..<4096, epoch and sequence wrap at their widths, outcome 0..<16.
  @inlinable public init(slot: Int, epoch: UInt16, sequence: UInt32, outcome: UInt8 = 0) {
    bits = UInt64(truncatingIfNeeded: slot & 0xfff) << 52 | UInt64(epoch) << 36 | UInt64(sequence) << 4 | UInt64(outcome & 0xf)
  }

  @inlinable public var slot: Int { Int(bits >> 52) }
  @inlinable public var epoch: UInt16 { UInt16(truncatingIfNeeded: bits >> 36) }
  @inlinable public var sequence: UInt32 { UInt32(truncatingIfNeeded: bits >> 4) }
  @inlinable public var outcome: UInt8 { UInt8(truncatingIfNeeded: bits & 0xf) }

  /// The same record's ticket, for one of its outcomes: 0..<16.
  @inlinable public func with(outcome: UInt8) -> Ticket { Ticket(bits: bits & ~0xf | UInt64(outcome & 0xf)) }

  /// The ticket of the record itself, not of one of its outcomes.
  @inlinable public var ofRecord: Ticket { with(outcome: 0) }

  /// How many partitions one worker can hold at a time.
  public static let slots = 4096
}
