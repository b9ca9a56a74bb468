import CLibrdkafka
import Glibc

/// A received message, or a notice in its place (the end of a partition, an error), owned by whoever took it until `destroy`.
public struct Message: BitwiseCopyable, @unchecked Sendable {  // Owned by one thread at a time.
  public typealias Handle = UnsafeMutablePointer<rd_kafka_message_t>

  public let handle: Handle
  /// 0: a record; else librdkafka's error code.
  public let errorCode: Int32
  public let partition: Int32
  public let offset: Int64
  /// Milliseconds since 1970; -1: none.
  public let timestamp: Int64
  /// The timestamp is the broker's: when it appended the record to the log. Else it is what the producer said.
  public let isLogAppendTime: Bool
  public let key: UnsafeRawBufferPointer
  public let value: UnsafeRawBufferPointer
  /// librdkafka's header list; nil: the record has none.
  public let headers: OpaquePointer?

  /// Identifies the topic as long as the assignment lasts; cheaper to compare than its name.
  public var topicHandle: OpaquePointer? { handle.pointee.rkt }

  public var topicName: String { String(cString: rd_kafka_topic_name(handle.pointee.rkt)) }

  public var isEndOfPartition: Bool { errorCode == RD_KAFKA_RESP_ERR__PARTITION_EOF.rawValue }

  public var error: KafkaError? {
    errorCode == 0 ? nil : KafkaError(handle.pointee.err, String(cString: rd_kafka_message_errstr(handle)))
  }

  public static func destroy(_ handle: Handle) { rd_kafka_message_destroy(handle) }

  public init(_ handle: Handle) {
    self.handle = handle
    errorCode = handle.pointee.err.rawValue
    partition = handle.pointee.partition
    offset = handle.pointee.offset
    key = UnsafeRawBufferPointer(start: handle.pointee.key, count: handle.pointee.key_len)
    value = UnsafeRawBufferPointer(start: handle.pointee.payload, count: handle.pointee.len)
    guard errorCode == 0 else {
      timestamp = -1
      isLogAppendTime = false
      headers = nil
      return
    }
    var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
    timestamp = rd_kafka_message_timestamp(handle, &kind)
    isLogAppendTime = kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME
    var list: OpaquePointer?
    headers = rd_kafka_message_headers(handle, &list) == RD_KAFKA_RESP_ERR_NO_ERROR ? list : nil
  }

  /// Bytes of key, value and headers.
  public var byteCount: Int {
    var bytes = key.count + value.count
    guard let headers else { return bytes }
    var index = 0, name: UnsafePointer<CChar>?, value: UnsafeRawPointer?, size = 0
    while rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
      bytes += size
      index += 1
    }
    return bytes
  }

  /// Which of `names` are among the message's headers, in any case: a bit each. - Precondition: at most 16 names.
  public func headersPresent(_ names: UnsafeBufferPointer<StaticString>) -> UInt16 {
    guard let headers else { return 0 }
    var present: UInt16 = 0, index = 0
    var name: UnsafePointer<CChar>?, value: UnsafeRawPointer?, size = 0
    while rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
      for bit in names.indices where strcasecmp(name!, UnsafeRawPointer(names[bit].utf8Start).assumingMemoryBound(to: CChar.self)) == 0 {
        present |= 1 << bit
      }
      index += 1
    }
    return present
  }

  /// The last header of a name; nil: none. Valid as long as the message.
  public func header(_ name: StaticString) -> UnsafeRawBufferPointer? {
    guard let headers else { return nil }
    var count = 0
    let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    return Message.lastHeader(UnsafeRawPointer(headers), text, &count).map { UnsafeRawBufferPointer(start: $0, count: count) }
  }

  /// Finds the last header of `name`, in any case, in a header list; a null value has a non-nil address and count 0. C convention, so that it
  /// can be stored in a trivial struct.
  public static let lastHeader: @convention(c) (UnsafeRawPointer, UnsafePointer<CChar>, UnsafeMutablePointer<Int>) -> UnsafeRawPointer? = { list, name, count in
    var index = 0, found: UnsafeRawPointer?
    var other: UnsafePointer<CChar>?, value: UnsafeRawPointer?, size = 0
    while rd_kafka_header_get_all(OpaquePointer(list), index, &other, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
      if strcasecmp(other!, name) == 0 {
        found = value ?? list
        count.pointee = value == nil ? 0 : size
      }
      index += 1
    }
    return found
  }
}
