import Sheaf

/// Where a tokenizer's ids go, and what becomes of those that have no room.
struct WordSink {
  let ids: UnsafeMutablePointer<Int64>
  /// How many ids have room, special tokens at the ends not counted.
  let room: Int
  /// Keep the last ids instead of the first: a ring.
  let keepsLast: Bool
  /// Ids that came, more than are kept.
  private(set) var count = 0

  init(_ ids: UnsafeMutablePointer<Int64>, room: Int, keepsLast: Bool) {
    self.ids = ids
    self.room = room
    self.keepsLast = keepsLast
  }

  /// Nothing that comes later is kept.
  @inline(__always) var isOver: Bool { count > room && !keepsLast }

  @inline(__always) mutating func append(_ id: Int64) {
    if count < room {
      ids[count] = id
    } else if keepsLast {
      ids[count % room] = id
    }
    count &+= 1
  }

  /// Puts the kept ids in order and returns how many there are.
  func finish() -> Int {
    guard count > room else { return count }
    if keepsLast, count % room != 0 {
      // Three reversals turn the ring.
      var kept = UnsafeMutableBufferPointer(start: ids, count: room)
      kept[..<(count % room)].reverse()
      kept[(count % room)...].reverse()
      kept.reverse()
    }
    return room
  }
}
