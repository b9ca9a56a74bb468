/// The pairs of pieces that a BPE model merges: a hash table with open addressing. Immutable.
final class MergeTable: @unchecked Sendable {  // Its memory is written in init only.
  private struct Slot {
    /// Both pieces; `free`: there is none.
    var pair: UInt64
    var rank: UInt32
    var merged: Int32
  }
  private let slots: UnsafeMutablePointer<Slot>
  private let mask: Int
  private static let free = UInt64.max

  /// No pair has this rank.
  static let noRank = UInt32.max

  /// - Parameter merges: in the order of their ranks; a later one takes the place of an earlier one of the same pair.
  init(_ merges: [(left: Int32, right: Int32, merged: Int32)]) {
    var capacity = 16
    while capacity < merges.count * 2 { capacity *= 2 }
    mask = capacity - 1
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: Slot(pair: Self.free, rank: Self.noRank, merged: -1), count: capacity)
    for (rank, merge) in merges.enumerated() {
      let pair = Self.pair(merge.left, merge.right)
      slots[find(pair)] = Slot(pair: pair, rank: UInt32(rank), merged: merge.merged)
    }
  }

  deinit { slots.deallocate() }

  /// When a pair is merged, and to what; `noRank`: never.
  @inline(__always) func merge(_ left: Int32, _ right: Int32) -> (rank: UInt32, merged: Int32) {
    let slot = slots[find(Self.pair(left, right))]
    return (slot.rank, slot.merged)
  }

  @inline(__always) private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always) private func find(_ pair: UInt64) -> Int {
    var key = pair &* 0x9E37_79B9_7F4A_7C15
    key ^= key >> 32
    var slot = Int(truncatingIfNeeded: key) & mask
    while slots[slot].pair != pair, slots[slot].pair != Self.free { slot = (slot &+ 1) & mask }
    return slot
  }
}
