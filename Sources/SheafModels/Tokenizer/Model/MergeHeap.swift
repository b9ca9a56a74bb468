/// Pairs that wait to be merged, by rank, and of equal ranks by place; the least first.
struct MergeHeap: ~Copyable {
  private var memory = Memory<UInt64>()
  private var count = 0
  private var keys: UnsafeMutablePointer<UInt64> { @inline(__always) get { memory.base } }

  init(capacity: Int) { memory.reserve(capacity) }

  /// Before the first `order`.
  @inline(__always) mutating func append(_ rank: UInt32, _ place: Int) {
    keys[count] = UInt64(rank) << 32 | UInt64(truncatingIfNeeded: place)
    count &+= 1
  }

  mutating func order() { for index in stride(from: count / 2 - 1, through: 0, by: -1) { sink(index) } }

  mutating func insert(_ rank: UInt32, _ place: Int) {
    memory.reserve(count &+ 1, keeping: count)
    let key = UInt64(rank) << 32 | UInt64(truncatingIfNeeded: place)
    var index = count
    count &+= 1
    while index > 0, keys[(index &- 1) / 2] > key {
      keys[index] = keys[(index &- 1) / 2]
      index = (index &- 1) / 2
    }
    keys[index] = key
  }

  mutating func popFirst() -> (rank: UInt32, place: Int)? {
    if count == 0 { return nil }
    let first = keys[0]
    count &-= 1
    keys[0] = keys[count]
    sink(0)
    return (UInt32(truncatingIfNeeded: first >> 32), Int(first & 0xFFFF_FFFF))
  }

  private mutating func sink(_ start: Int) {
    if start >= count { return }
    let key = keys[start]
    var index = start
    while true {
      var child = 2 &* index &+ 1
      if child >= count { break }
      if child &+ 1 < count, keys[child &+ 1] < keys[child] { child &+= 1 }
      if keys[child] >= key { break }
      keys[index] = keys[child]
      index = child
    }
    keys[index] = key
  }
}
