/// A growing ring buffer: amortised O(1) at both ends, O(1) access by index.
///
/// Unlike an array it gives up its front for nothing, and unlike a linked structure it allocates only to grow.
struct Ring<Element>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private var mask: Int
  private var head = 0  // Both only grow; masked on use.
  private var tail = 0

  init(minimumCapacity: Int = 16) {
    let capacity = 1 << (Int.bitWidth - max(1, minimumCapacity - 1).leadingZeroBitCount)
    base = .allocate(capacity: capacity)
    mask = capacity - 1
  }

  var count: Int { tail &- head }
  var isEmpty: Bool { head == tail }

  /// - Complexity: O(1), but for growth.
  mutating func append(_ element: Element) {
    if tail &- head > mask { grow() }
    (base + (tail & mask)).initialize(to: element)
    tail &+= 1
  }

  /// - Precondition: not empty. - Complexity: O(1).
  mutating func removeFirst() -> Element {
    precondition(head != tail, "removeFirst of an empty ring")
    defer { head &+= 1 }
    return (base + (head & mask)).move()
  }

  subscript(_ index: Int) -> Element {
    _read {
      precondition(index >= 0 && index < count)
      yield base[(head &+ index) & mask]
    }
    _modify {
      precondition(index >= 0 && index < count)
      yield &base[(head &+ index) & mask]
    }
  }

  private mutating func grow() {
    let capacity = (mask + 1) * 2
    let moved = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
    let count = count
    let first = head & mask
    let run = min(count, mask + 1 - first)
    moved.moveInitialize(from: base + first, count: run)
    (moved + run).moveInitialize(from: base, count: count - run)
    base.deallocate()
    base = moved
    mask = capacity - 1
    head = 0
    tail = count
  }

  deinit {
    let first = head & mask
    let run = min(count, mask + 1 - first)
    (base + first).deinitialize(count: run)
    base.deinitialize(count: count - run)
    base.deallocate()
  }
}
