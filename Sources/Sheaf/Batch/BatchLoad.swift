/// What a batch holds so far, while it is filled up.
struct BatchLoad {
  private(set) var rows = 0
  private(set) var longest = 0
  private(set) var bytes = 0
  /// Of what it holds; nil: nothing yet.
  private(set) var group: UInt64?

  mutating func add(_ item: BatchItem) {
    rows += item.rows
    longest = max(longest, item.length)
    bytes += item.bytes
    group = item.group
  }

  func fits(_ item: BatchItem, _ settings: BatchSettings) -> Bool {
    if let group, item.group != group { return false }
    let rows = rows + item.rows
    return rows <= settings.maxRows && rows * max(longest, item.length) <= settings.tokenBound && bytes + item.bytes <= settings.maxBytes
  }

  /// Not even one more row of this length.
  func isFull(_ settings: BatchSettings) -> Bool {
    rows >= settings.maxRows || (rows + 1) * longest > settings.tokenBound || bytes >= settings.maxBytes
  }
}

extension BatchSettings {
  /// No request may go before an older one of its queue.
  var isInOrder: Bool { adaptive.passedOverAtMost == 0 }
}
