/// Requests that wait, in order of arrival and, the oldest of them, by length too.
///
/// Only the oldest `window` are sorted into length buckets; the rest wait in a plain queue. That bounds how far a batch may reach
/// past the oldest, and what a decision costs with ten thousand waiting.
struct WaitingSet<Payload>: ~Copyable {
  struct Bucket {
    fileprivate(set) var rows = 0
    fileprivate var first: Int32 = -1
    fileprivate var last: Int32 = -1
  }

  struct Link {
    var item: BatchItem
    /// Place in the order of arrival, from 0.
    var sequence: UInt64
    fileprivate var payload: Payload?
    fileprivate(set) var bucket: Int32 = 0
    /// In order of arrival; -1: none.
    fileprivate var next: Int32 = -1
    fileprivate var previous: Int32 = -1
    /// In its bucket, in order of arrival.
    fileprivate var nextInBucket: Int32 = -1
    fileprivate var previousInBucket: Int32 = -1
  }

  struct Queued {
    var item: BatchItem
    var payload: Payload
  }

  let window: Int
  private var links: [Link] = []
  private var vacant: [Int32] = []
  private var first: Int32 = -1
  private var last: Int32 = -1
  private var sorted = 0
  private var queue = Ring<Queued>(minimumCapacity: 64)
  private var sequence: UInt64 = 0
  private(set) var buckets = [Bucket](repeating: Bucket(), count: LengthBuckets.count)
  /// One bit a bucket that holds something.
  private var occupied = (UInt64(0), UInt64(0), UInt64(0))
  /// All rows that wait.
  private(set) var rows = 0

  init(window: Int = 2048) { self.window = window }

  var count: Int { sorted + queue.count }
  var isEmpty: Bool { first < 0 }

  /// - Complexity: O(1) amortised.
  mutating func add(_ item: BatchItem, _ payload: Payload) {
    rows += item.rows
    if sorted < window { sort(item, payload) } else { queue.append(Queued(item: item, payload: payload)) }
  }

  /// The oldest, by which it is asked for; nil where nothing waits.
  var oldest: Int32? { first < 0 ? nil : first }
  func next(after index: Int32) -> Int32? { let next = links[Int(index)].next; return next < 0 ? nil : next }
  func firstInBucket(_ bucket: Int) -> Int32? { let first = buckets[bucket].first; return first < 0 ? nil : first }
  func lastInBucket(_ bucket: Int) -> Int32? { let last = buckets[bucket].last; return last < 0 ? nil : last }
  func nextInBucket(after index: Int32) -> Int32? { let next = links[Int(index)].nextInBucket; return next < 0 ? nil : next }
  @inline(__always) func item(_ index: Int32) -> BatchItem { links[Int(index)].item }
  @inline(__always) func sequence(_ index: Int32) -> UInt64 { links[Int(index)].sequence }
  @inline(__always) func bucket(_ index: Int32) -> Int { Int(links[Int(index)].bucket) }

  /// The next bucket that holds something, at `bucket` or below it.
  func bucket(atOrBelow bucket: Int) -> Int? {
    guard bucket >= 0 else { return nil }
    var word = bucket >> 6
    var bits = self[word: word] & (UInt64.max >> UInt64(63 - bucket & 63))
    while bits == 0 {
      guard word > 0 else { return nil }
      word -= 1
      bits = self[word: word]
    }
    return word << 6 + 63 - bits.leadingZeroBitCount
  }

  /// The next bucket that holds something, at `bucket` or above it.
  func bucket(atOrAbove bucket: Int) -> Int? {
    guard bucket < LengthBuckets.count else { return nil }
    var word = bucket >> 6
    var bits = self[word: word] & (UInt64.max << UInt64(bucket & 63))
    while bits == 0 {
      guard word < 2 else { return nil }
      word += 1
      bits = self[word: word]
    }
    return word << 6 + bits.trailingZeroBitCount
  }

  /// Takes one out. - Complexity: O(1) amortised.
  mutating func remove(_ index: Int32) -> (item: BatchItem, payload: Payload) {
    let result = unlink(index)
    refill()
    return result
  }

  /// Takes out those for which `shouldLeave` holds and gives them to `body`. - Complexity: O(waiting).
  mutating func remove(where shouldLeave: (BatchItem, Payload) -> Bool, _ body: (Payload) -> Void) {
    var index = first
    while index >= 0 {
      let next = links[Int(index)].next
      if shouldLeave(links[Int(index)].item, links[Int(index)].payload!) { body(unlink(index).payload) }
      index = next
    }
    for _ in 0..<queue.count {
      let queued = queue.removeFirst()
      if shouldLeave(queued.item, queued.payload) {
        rows -= queued.item.rows
        body(queued.payload)
      } else {
        queue.append(queued)
      }
    }
    refill()
  }

  /// Takes out all, in order of arrival.
  mutating func removeAll(_ body: (BatchItem, Payload) -> Void) {
    while let oldest {
      let (item, payload) = remove(oldest)
      body(item, payload)
    }
  }

  private subscript(word word: Int) -> UInt64 {
    get { word == 0 ? occupied.0 : word == 1 ? occupied.1 : occupied.2 }
    set { if word == 0 { occupied.0 = newValue } else if word == 1 { occupied.1 = newValue } else { occupied.2 = newValue } }
  }

  private mutating func refill() {
    while sorted < window, !queue.isEmpty {
      let queued = queue.removeFirst()
      sort(queued.item, queued.payload)
    }
  }

  private mutating func sort(_ item: BatchItem, _ payload: Payload) {
    var link = Link(item: item, sequence: sequence, payload: payload)
    sequence += 1
    let bucket = LengthBuckets.bucket(item.length)
    link.bucket = Int32(bucket)
    link.previous = last
    link.previousInBucket = buckets[bucket].last
    let index: Int32
    if let free = vacant.popLast() {
      index = free
      links[Int(index)] = link
    } else {
      index = Int32(links.count)
      links.append(link)
    }
    if last >= 0 { links[Int(last)].next = index } else { first = index }
    last = index
    if buckets[bucket].last >= 0 { links[Int(buckets[bucket].last)].nextInBucket = index } else { buckets[bucket].first = index }
    buckets[bucket].last = index
    buckets[bucket].rows += item.rows
    self[word: bucket >> 6] |= 1 << UInt64(bucket & 63)
    sorted += 1
  }

  private mutating func unlink(_ index: Int32) -> (item: BatchItem, payload: Payload) {
    let link = links[Int(index)]
    let bucket = Int(link.bucket)
    if link.previous >= 0 { links[Int(link.previous)].next = link.next } else { first = link.next }
    if link.next >= 0 { links[Int(link.next)].previous = link.previous } else { last = link.previous }
    if link.previousInBucket >= 0 { links[Int(link.previousInBucket)].nextInBucket = link.nextInBucket } else { buckets[bucket].first = link.nextInBucket }
    if link.nextInBucket >= 0 { links[Int(link.nextInBucket)].previousInBucket = link.previousInBucket } else { buckets[bucket].last = link.previousInBucket }
    buckets[bucket].rows -= link.item.rows
    if buckets[bucket].first < 0 { self[word: bucket >> 6] &= ~(1 << UInt64(bucket & 63)) }
    sorted -= 1
    rows -= link.item.rows
    links[Int(index)].payload = nil
    vacant.append(index)
    return (link.item, link.payload!)
  }
}

/// How often each waiting request was passed over: by how many batches that held a newer one. Since batches that pass over a
/// request pass over all that are older too, those at the bound are the oldest: all older than the bound-th newest of the newest
/// members of all batches.
struct PassedOver: Sendable {
  let bound: Int
  /// The newest member of each batch, the `bound` largest, ascending.
  private var newest: [UInt64] = []

  /// - Parameter bound: 1 and more.
  init(bound: Int) { self.bound = max(1, bound) }

  /// Requests before this one may not be passed over again.
  var limit: UInt64 { newest.count < bound ? 0 : newest[0] }

  /// - Complexity: O(bound).
  mutating func dispatched(newest sequence: UInt64) {
    if newest.count == bound {
      guard sequence > newest[0] else { return }
      newest.removeFirst()
    }
    var place = newest.count
    while place > 0, newest[place - 1] > sequence { place -= 1 }
    newest.insert(sequence, at: place)
  }
}
