import Glibc

/// Pieces of text with a number each: a hash table with open addressing over one block of text. Immutable once it is made.
final class PieceTable: @unchecked Sendable {  // Its memory is written in init only.
  private struct Slot {
    var hash: UInt32
    var count: UInt32
    var start: UInt32
    /// -1: the slot is free.
    var value: Int32
  }
  private let slots: UnsafeMutablePointer<Slot>
  private let mask: Int
  private let text: UnsafeMutablePointer<UInt8>
  /// How many pieces there are.
  private(set) var count = 0

  /// - Parameter pieces: a later one takes the place of an earlier one that is the same. Numbers are 0 and more.
  init(_ pieces: some Collection<(text: ArraySlice<UInt8>, value: Int32)>) {
    var capacity = 16
    while capacity < pieces.count * 2 { capacity *= 2 }
    mask = capacity - 1
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: Slot(hash: 0, count: 0, start: 0, value: -1), count: capacity)
    text = .allocate(capacity: max(1, pieces.reduce(0) { $0 + $1.text.count }))
    var used = 0
    for piece in pieces {
      piece.text.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return }
        let slot = find(base, bytes.count)
        if slots[slot].value < 0 {
          memcpy(text + used, base, bytes.count)
          slots[slot] = Slot(hash: Self.hash(base, bytes.count), count: UInt32(bytes.count), start: UInt32(used), value: piece.value)
          used += bytes.count
          count += 1
        } else {
          slots[slot].value = piece.value
        }
      }
    }
  }

  deinit {
    slots.deallocate()
    text.deallocate()
  }

  /// The number of a piece; `nil`: there is no such piece.
  @inline(__always) func value(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32? {
    let value = slots[find(bytes, count)].value
    return value >= 0 ? value : nil
  }

  func value(_ bytes: ArraySlice<UInt8>) -> Int32? { bytes.withUnsafeBufferPointer { $0.baseAddress.flatMap { value($0, bytes.count) } } }
  func value(_ bytes: [UInt8]) -> Int32? { value(bytes[...]) }
  func value(_ text: String) -> Int32? { value(Array(text.utf8)) }

  /// The slot of a piece, or the free one that it would take.
  @inline(__always) private func find(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
    let hash = Self.hash(bytes, count)
    var slot = Int(hash) & mask
    while slots[slot].value >= 0 {
      if slots[slot].hash == hash, Int(slots[slot].count) == count, memcmp(text + Int(slots[slot].start), bytes, count) == 0 { return slot }
      slot = (slot &+ 1) & mask
    }
    return slot
  }

  @inline(__always) private static func hash(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt32 {
    let raw = UnsafeRawPointer(bytes)
    var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    var index = 0
    while index &+ 8 <= count {
      hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index &+= 8
    }
    var rest: UInt64 = 0
    while index < count {
      rest = rest << 8 | UInt64(bytes[index])
      index &+= 1
    }
    return UInt32(truncatingIfNeeded: mix(hash ^ rest) >> 32)
  }

  @inline(__always) private static func mix(_ value: UInt64) -> UInt64 {
    let (high, low) = (value ^ 0xD1B5_4A32_D192_ED03).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return high ^ low
  }
}
