import SheafKafka

/// One assigned partition, as the consume thread knows it.
final class Assignment {
  let partition: TopicPartition
  let topic: Int32
  let priority: Priority
  let slot: Int
  var committed: Int64?
  var leaving = false
  /// The group has given it away: nothing of it may be committed.
  var isLost = false
  /// Taken out of the records queue: its span is at its bound, or its mark is not far enough.
  var held = false
  /// Its topic is held, whatever its span.
  var isTopicHeld = false
  /// Records below it may be handed on: the mark that the group's coordinator has acknowledged.
  var begun: Int64
  /// Records below it are suspect; 0: none is, or all are settled.
  var suspects: Int64
  /// A commit has said how far the partition may have begun.
  var isMarked = false
  /// What of a held partition was queued already: kept here until the span has shrunk.
  var aside: [Message] = []
  /// The offset after the last one read.
  var next: Int64 = 0
  /// The largest timestamp read; -1: none.
  var newest: Int64 = -1
  /// The end of the partition, seen while records were kept aside.
  var endSeen: Int64?

  init(_ partition: TopicPartition, topic: Int32, priority: Priority, slot: Int, committed: Int64?, begun: Int64, suspects: Int64) {
    self.partition = partition
    self.begun = begun
    self.suspects = suspects
    self.topic = topic
    self.priority = priority
    self.slot = slot
    self.committed = committed
  }
}
