/// Requests of one group, in order of arrival, and how many of the oldest fit into a batch.
final class BatchLine<Payload>: GroupLine {
  let group: UInt64
  private var waiting = Ring<(item: BatchItem, payload: Payload)>(minimumCapacity: 64)
  /// The longest prefix within the bounds, as far as it has been looked at.
  private(set) var prefix = Prefix()

  struct Prefix {
    var count = 0
    var rows = 0
    var longest = 0
    var bytes = 0
    /// The earliest of its requests'.
    var deadline = Nanoseconds.max
    /// The next request does not fit, or none would.
    var isFull = false
  }

  init(group: UInt64) { self.group = group }

  var count: Int { waiting.count }
  var oldestArrival: Nanoseconds? { waiting.isEmpty ? nil : waiting[0].item.arrival }

  func forgetPrefix() { prefix = Prefix() }

  /// - Complexity: amortised O(1).
  func add(_ item: BatchItem, _ payload: Payload) { waiting.append((item, payload)) }

  /// Looks at what was added. A single request over a bound (the bound was lowered after it came) is a batch.
  /// - Complexity: O(requests added since the last call).
  func extend(_ settings: BatchSettings) {
    while !prefix.isFull, prefix.count < waiting.count {
      let item = waiting[prefix.count].item
      let rows = prefix.rows + item.rows
      let longest = max(prefix.longest, item.length)
      let bytes = prefix.bytes + item.bytes
      let fits = rows <= settings.maxRows && rows * longest <= settings.tokenBound && bytes <= settings.maxBytes
      guard fits || prefix.count == 0 else {
        prefix.isFull = true
        return
      }
      prefix.count += 1
      prefix.rows = rows
      prefix.longest = longest
      prefix.bytes = bytes
      prefix.deadline = min(prefix.deadline, item.deadline)
      // Not even one more row of this length.
      prefix.isFull = rows >= settings.maxRows || (rows + 1) * longest > settings.tokenBound || bytes >= settings.maxBytes
    }
  }

  func removeFirst() -> (item: BatchItem, payload: Payload) { waiting.removeFirst() }

  /// Removes those for which `shouldLeave` holds and gives them to `body`; the others keep their order. - Complexity: O(requests).
  func remove(where shouldLeave: (BatchItem, Payload) -> Bool, _ body: (BatchItem, Payload) -> Void) {
    for _ in 0..<waiting.count {
      let next = waiting.removeFirst()
      if shouldLeave(next.item, next.payload) { body(next.item, next.payload) } else { waiting.append(next) }
    }
    forgetPrefix()
  }

  /// Takes what fits beside what a batch holds already, the oldest first. What does not fit, or has expired, is passed over (in order:
  /// ends it). - Returns: whether the oldest left. - Complexity: O(requests).
  func fill(_ load: inout BatchLoad, _ now: Nanoseconds, _ settings: BatchSettings, _ body: (BatchItem, Payload) -> Void) -> Bool {
    var oldestLeft = false
    func take(_ next: (item: BatchItem, payload: Payload)) {
      load.add(next.item)
      body(next.item, next.payload)
    }
    func fits(_ item: BatchItem) -> Bool { item.deadline > now && load.fits(item, settings) }
    while !waiting.isEmpty, fits(waiting[0].item) {
      take(waiting.removeFirst())
      oldestLeft = true
    }
    if !settings.isInOrder, !load.isFull(settings) {
      for _ in 0..<waiting.count {
        let next = waiting.removeFirst()
        if fits(next.item) { take(next) } else { waiting.append(next) }
      }
    }
    forgetPrefix()
    return oldestLeft
  }
}
