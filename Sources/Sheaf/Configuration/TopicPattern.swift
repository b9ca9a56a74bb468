import Glibc

/// Names and patterns of topics, read as librdkafka reads them: what begins with ^ is an extended POSIX expression.
public enum TopicPattern {
  public static func isPattern(_ topic: String) -> Bool { topic.hasPrefix("^") }

  /// Whether Kafka allows the name; for a pattern, whether it compiles.
  public static func isValid(_ topic: String) -> Bool {
    if isPattern(topic) { return matches(topic, "") != nil }
    let allowed = topic.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
      case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
      default: false
      }
    }
    return allowed && (1...249).contains(topic.utf8.count) && topic != "." && topic != ".."
  }

  /// Whether a request topic or pattern takes in `topic`; nil: the pattern does not compile.
  public static func matches(_ request: String, _ topic: String) -> Bool? {
    guard isPattern(request) else { return request == topic }
    var expression = regex_t()
    guard regcomp(&expression, request, REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
    defer { regfree(&expression) }
    return regexec(&expression, topic, 0, nil, 0) == 0
  }
}
