import CLibrdkafka
import Glibc

/// A librdkafka configuration being put together; freed unless a client takes it over.
struct Properties: ~Copyable {
  let raw: OpaquePointer

  /// - Throws: `KafkaError` that names the property, where librdkafka does not know it or refuses its value.
  init(_ pairs: [(String, String)]) throws {
    raw = rd_kafka_conf_new()
    for (key, value) in pairs {
      let problem = withErrorText { text, size in rd_kafka_conf_set(raw, key, value, text, size) == RD_KAFKA_CONF_OK }
      if let problem {
        let shown = key.contains("password") || key.contains("secret") ? "…" : value
        throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "\(key)=\(shown): \(problem)")
      }
    }
    rd_kafka_conf_set_log_cb(raw, logToStandardError)
  }

  /// Makes a client of this configuration.
  consuming func client(_ kind: rd_kafka_type_t) throws -> OpaquePointer {
    let conf = raw
    discard self
    var client: OpaquePointer?
    let problem = withErrorText { text, size in
      client = rd_kafka_new(kind, conf, text, size)
      return client != nil
    }
    if let client { return client }
    rd_kafka_conf_destroy(conf)
    throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, problem ?? "rd_kafka_new failed")
  }

  deinit { rd_kafka_conf_destroy(raw) }
}

/// Runs `body` with room for librdkafka's error text; gives the text where it returns false.
private func withErrorText(_ body: (UnsafeMutablePointer<CChar>, Int) -> Bool) -> String? {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
    text[0] = 0
    return body(text.baseAddress!, text.count) ? nil : String(cString: text.baseAddress!)
  }
}

/// Called on librdkafka's own threads.
private func logToStandardError(_ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ message: UnsafePointer<CChar>?) {
  guard let message else { return }
  var line = "kafka: \(String(cString: message))\n"
  line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}

/// The version of the librdkafka this process runs on, such as "2.0.2".
public func librdkafkaVersion() -> String { String(cString: rd_kafka_version_str()) }

/// The same as a number: 0xMMmmrrpp.
public func librdkafkaVersionNumber() -> Int32 { rd_kafka_version() }

/// Whether librdkafka knows a property at all (a binary runs on several versions).
public func librdkafkaKnows(_ property: String) -> Bool {
  let conf = rd_kafka_conf_new()!
  defer { rd_kafka_conf_destroy(conf) }
  var size = 0
  return rd_kafka_conf_get(conf, property, nil, &size) == RD_KAFKA_CONF_OK
}
