import CLibrdkafka

/// An error of librdkafka or of the broker.
public struct KafkaError: Error, Sendable, CustomStringConvertible {
  public var code: Int32
  /// librdkafka's name of the code, such as `_TIMED_OUT`.
  public var name: String
  public var message: String
  /// No later call on the same client can succeed.
  public var isFatal = false

  public var description: String { "\(message) (\(name))" }

  init(_ code: rd_kafka_resp_err_t, _ message: String? = nil) {
    self.code = code.rawValue
    name = String(cString: rd_kafka_err2name(code))
    self.message = message ?? String(cString: rd_kafka_err2str(code))
  }
}

extension KafkaError {
  static func noTopic(_ topic: String) -> KafkaError {
    KafkaError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "there is no topic \(topic); create it, or name one that exists")
  }

  static func silent(_ what: String) -> KafkaError { KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, what) }
}
