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
      // Without the value: a password under a mistyped name would be printed.
      if let problem { throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "\(key): \(problem)") }
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

/// Why librdkafka does not take a property.
public enum PropertyRefusal: Hashable, Sendable {
  case unknown
  /// What it says, which may quote the value.
  case value(String)
}

/// Shows a property to librdkafka; nil: it takes it.
public func librdkafkaRefusal(_ property: String, _ value: String) -> PropertyRefusal? {
  let conf = rd_kafka_conf_new()!
  defer { rd_kafka_conf_destroy(conf) }
  var result = RD_KAFKA_CONF_OK
  let problem = withErrorText { text, size in
    result = rd_kafka_conf_set(conf, property, value, text, size)
    return result == RD_KAFKA_CONF_OK
  }
  return problem.map { result == RD_KAFKA_CONF_UNKNOWN ? .unknown : .value($0) }
}

/// The names of all properties that librdkafka documents.
public func librdkafkaProperties() -> [String] {
  var text: UnsafeMutablePointer<CChar>?
  var size = 0
  guard let stream = open_memstream(&text, &size) else { return [] }
  rd_kafka_conf_properties_show(stream)
  fclose(stream)
  defer { free(text) }
  // A table with the name in the first column; its heads have a capital.
  return text.map { String(cString: $0) }?.split(separator: "\n").compactMap { line in
    guard let bar = line.firstIndex(of: "|"), let name = line[..<bar].split(separator: " ").first, name.first?.isLowercase == true else { return nil }
    return String(name)
  } ?? []
}
