import SheafKafka

/// Whose fault it is that an outcome could not be delivered, and so what is to be done about it.
enum DeliveryBlame: Equatable {
  /// Nobody's: the same again, later. Of a transaction, it was aborted.
  case passing
  /// The record's: something else goes in its place.
  case record(RecordFault.Code)
  /// The configuration's or the cluster's: no other outcome would fare better.
  case worker

  /// - Parameter name: of librdkafka's error code.
  init(_ name: String, _ outcome: KafkaSink.Outcome) {
    switch name {
    case "MSG_SIZE_TOO_LARGE": self = .record(.tooLarge)
    // A dead letter has its original's timestamp, which the topic may not allow.
    case "INVALID_TIMESTAMP", "INVALID_RECORD": self = .record(.badReplyTopic)
    case "_UNKNOWN_PARTITION", "_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART", "TOPIC_AUTHORIZATION_FAILED", "TOPIC_EXCEPTION":
      // Who named the place is told; a configured one is there for all.
      self = outcome == .routedReply ? .record(.badReplyTopic) : .worker
    case "_PURGE_QUEUE", "_PURGE_INFLIGHT", "_STATE", "_MSG_TIMED_OUT", "_TIMED_OUT", "_TRANSPORT", "_RETRY", "REQUEST_TIMED_OUT", "NETWORK_EXCEPTION",
      "LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION", "NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "KAFKA_STORAGE_ERROR",
      "OUT_OF_ORDER_SEQUENCE_NUMBER", "DUPLICATE_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH", "INVALID_PRODUCER_ID_MAPPING",
      "INVALID_TXN_STATE", "CONCURRENT_TRANSACTIONS", "_FATAL", "_FENCED":
      self = .passing
    default: self = .worker
    }
  }
}
