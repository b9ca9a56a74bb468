/// A block of memory that grows as it needs to; none until then. What is in it has no deinitialization.
struct Memory<Element: BitwiseCopyable>: ~Copyable {
  /// Points nowhere while the capacity is 0.
  private(set) var base = UnsafeMutablePointer<Element>(bitPattern: MemoryLayout<Element>.alignment)!
  private(set) var capacity = 0

  deinit { if capacity > 0 { base.deallocate() } }

  /// Makes room for `count` elements.
  /// - Parameters:
  ///   - kept: how many of those that are there are taken along.
  ///   - least: how much room the first block has.
  @inline(__always) mutating func reserve(_ count: Int, keeping kept: Int = 0, least: Int = 64) {
    if count > capacity { grow(count, kept, least) }
  }

  @inline(never) private mutating func grow(_ count: Int, _ kept: Int, _ least: Int) {
    let newCapacity = max(count, capacity * 2, least)
    let new = UnsafeMutablePointer<Element>.allocate(capacity: newCapacity)
    if capacity > 0 {
      new.initialize(from: base, count: kept)
      base.deallocate()
    }
    base = new
    capacity = newCapacity
  }
}
