import Glibc

/// The one block of memory that holds what a request does not find in its record, while it is being filled.
///
/// It grows, so parts are named by their offset until the end; freed unless `take()` hands it on.
struct RequestBlock: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private(set) var count = 0
  private var capacity = 0

  init() {}

  deinit { free(base) }

  /// Makes room for `size` more bytes at the next multiple of 8 and returns where they begin. Invalidates pointers into it.
  mutating func append(_ size: Int) -> Int {
    let offset = (count + 7) & ~7
    grow(to: offset + size)
    count = offset + size
    return offset
  }

  /// Makes room for `size` more bytes directly behind what is there.
  mutating func extend(_ size: Int) -> UnsafeMutableRawPointer {
    grow(to: count + size)
    count += size
    return base! + (count - size)
  }

  /// Forgets what lies behind the first `count` bytes.
  mutating func truncate(_ count: Int) { self.count = count }

  func at(_ offset: Int) -> UnsafeMutableRawPointer { base! + offset }

  /// The block, from now on the caller's to free.
  consuming func take() -> UnsafeMutableRawPointer? {
    let base = base
    discard self
    return base
  }

  private mutating func grow(to needed: Int) {
    if needed <= capacity && base != nil { return }
    // The first time exactly: most requests are one tensor of known size.
    capacity = base == nil ? max(needed, 16) : max(needed, capacity * 2)
    base = realloc(base, capacity)
    precondition(base != nil, "out of memory: a request of \(capacity) bytes")
  }
}
