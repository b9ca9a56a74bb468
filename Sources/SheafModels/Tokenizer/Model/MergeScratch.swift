/// The symbols of a word that is being merged. Lives as long as a text, for its memory.
struct MergeScratch: ~Copyable {
  struct Symbol: BitwiseCopyable {
    var id: Int32
    /// In bytes.
    var length: Int32
    /// Of the pair that this symbol makes with the next one.
    var rank: UInt32
    var merged: Int32
  }
  private var memory = Memory<Symbol>()
  private(set) var count = 0
  var symbols: UnsafeMutablePointer<Symbol> { @inline(__always) get { memory.base } }

  mutating func removeAll() { count = 0 }

  @inline(__always) mutating func append(_ id: Int32, length: Int) {
    memory.reserve(count &+ 1, keeping: count)
    symbols[count] = Symbol(id: id, length: Int32(truncatingIfNeeded: length), rank: MergeTable.noRank, merged: -1)
    count &+= 1
  }

  /// Merges the pair of the lowest rank, the leftmost of equals, until none is left.
  mutating func merge(_ table: MergeTable) {
    if count < 2 { return }
    for index in 0..<count &- 1 {
      let pair = table.merge(symbols[index].id, symbols[index &+ 1].id)
      symbols[index].rank = pair.rank
      symbols[index].merged = pair.merged
    }
    if count <= Self.fewSymbols { mergeFew(table) } else { mergeMany(table) }
  }

  /// Up to here looking at all pairs is faster than keeping them in order.
  private static let fewSymbols = 40

  private mutating func mergeFew(_ table: MergeTable) {
    while true {
      var best = 0
      var rank = MergeTable.noRank
      for index in 0..<count &- 1 where symbols[index].rank < rank {
        rank = symbols[index].rank
        best = index
      }
      if rank == MergeTable.noRank { return }
      symbols[best].id = symbols[best].merged
      symbols[best].length &+= symbols[best &+ 1].length
      count &-= 1
      if best &+ 1 < count { (symbols + best + 1).update(from: symbols + best + 2, count: count &- best &- 1) }
      pair(best, best &+ 1, table)
      if best > 0 { pair(best &- 1, best, table) }
    }
  }

  @inline(__always) private mutating func pair(_ left: Int, _ right: Int, _ table: MergeTable) {
    let pair = right < count ? table.merge(symbols[left].id, symbols[right].id) : (rank: MergeTable.noRank, merged: -1)
    symbols[left].rank = pair.rank
    symbols[left].merged = pair.merged
  }

  /// In time n log n: pairs wait in a heap, by rank and place; what has changed meanwhile is known by its rank.
  private mutating func mergeMany(_ table: MergeTable) {
    var heap = MergeHeap(capacity: count)
    // Of the symbols that are left: the one before and the one behind each.
    var links = Memory<Int32>()
    links.reserve(2 * count)
    let before = links.base, behind = links.base + count
    for index in 0..<count {
      before[index] = Int32(index) - 1
      behind[index] = Int32(index) + 1
      if symbols[index].rank != MergeTable.noRank { heap.append(symbols[index].rank, index) }
    }
    heap.order()
    while let (rank, index) = heap.popFirst() {
      guard symbols[index].rank == rank else { continue }
      let right = Int(behind[index])
      symbols[index].id = symbols[index].merged
      symbols[index].length &+= symbols[right].length
      symbols[right].id = -1
      symbols[right].rank = MergeTable.noRank
      behind[index] = behind[right]
      if Int(behind[index]) < count { before[Int(behind[index])] = Int32(index) }
      pair(index, Int(behind[index]), table)
      if symbols[index].rank != MergeTable.noRank { heap.insert(symbols[index].rank, index) }
      if before[index] >= 0 {
        let left = Int(before[index])
        pair(left, index, table)
        if symbols[left].rank != MergeTable.noRank { heap.insert(symbols[left].rank, left) }
      }
    }
    var kept = 0
    withExtendedLifetime(links) {}
    for index in 0..<count where symbols[index].id >= 0 {
      symbols[kept] = symbols[index]
      kept &+= 1
    }
    count = kept
  }
}
