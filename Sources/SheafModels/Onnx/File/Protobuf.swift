/// The fields of one protobuf message, in the order of its memory. Pure; the memory may be anybody's.
///
/// Wire format: https://protobuf.dev/programming-guides/encoding/
struct ProtobufFields: Sequence, IteratorProtocol {
  struct Field {
    var number: Int
    /// Of fields that are numbers.
    var integer: UInt64 = 0
    /// Of strings, packed numbers and messages.
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)

    var text: String { String(decoding: bytes, as: UTF8.self) }
  }

  private let memory: UnsafeRawBufferPointer
  private var position = 0
  /// What came last was no field: the message is damaged, or none.
  private(set) var isBroken = false

  init(_ memory: UnsafeRawBufferPointer) { self.memory = memory }

  mutating func next() -> Field? {
    guard !isBroken, position < memory.count else { return nil }
    guard let tag = integer(), tag >> 3 > 0, tag >> 3 < 1 << 29 else { return broken() }
    var field = Field(number: Int(tag >> 3))
    switch tag & 7 {
    case 0:
      guard let value = integer() else { return broken() }
      field.integer = value
    case 1, 5:
      let size = tag & 7 == 1 ? 8 : 4
      guard memory.count - position >= size else { return broken() }
      position += size
    case 2:
      guard let count = integer(), count <= UInt64(memory.count - position) else { return broken() }
      field.bytes = UnsafeRawBufferPointer(rebasing: memory[position..<(position + Int(count))])
      position += Int(count)
    default: return broken()
    }
    return field
  }

  private mutating func broken() -> Field? {
    isBroken = true
    return nil
  }

  /// Seven bits a byte, the lowest first.
  private mutating func integer() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard position < memory.count else { return nil }
      let byte = memory[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }
}
