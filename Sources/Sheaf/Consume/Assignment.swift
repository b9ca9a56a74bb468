import SheafKafka

/// One assigned partition, as the consume thread knows it.
final class Assignment {
  let partition: TopicPartition
  let topic: Int32
  let slot: Int
  var committed: Int64?
  var leaving = false
  /// The group has given it away: nothing of it may be committed.
  var isLost = false
  var held = false
  /// What of a held partition was queued already: kept here until the span has shrunk.
  var aside: [Message] = []
  /// The end of the partition, seen while records were kept aside.
  var endSeen: Int64?

  init(_ partition: TopicPartition, topic: Int32, slot: Int, committed: Int64?) {
    self.partition = partition
    self.topic = topic
    self.slot = slot
    self.committed = committed
  }
}
