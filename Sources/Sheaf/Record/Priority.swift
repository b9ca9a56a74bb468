/// Which requests come first. Each has a records queue, a decode thread and a place in the batcher of its own.
enum Priority: Int, Sendable, CaseIterable {
  case interactive
  /// Takes what the others leave: rows of their batches, idle lanes, and a share of the room.
  case bulk
}
