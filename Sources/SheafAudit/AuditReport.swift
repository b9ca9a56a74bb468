/// What an audit found, in records unless said otherwise.
public struct AuditReport: Sendable, Hashable {
  /// Request records read.
  public var records = 0
  /// Those with a reply.
  public var answered = 0
  /// Those with an error reply and no reply.
  public var failed = 0
  /// The first error reply of each record, by code.
  public var codes: [String: Int] = [:]
  public var deadLettered = 0
  /// Those without all the outcomes they require.
  public var lost = 0
  /// Of those lost, the ones before the group's committed offset: nobody will answer them any more.
  public var committedPast = 0
  /// The first of those lost, as topic/partition/offset.
  public var examples: [String] = []
  /// Outcomes (replies, error replies, dead letters) beyond the first of their record.
  public var duplicated = 0
  /// First replies that came after one to a later record of the same request partition, in the same reply partition.
  public var reordered = 0
  /// Outcomes that name no record read, or carry no name.
  public var strays = 0

  public static let exampleCount = 10

  public init() {}

  /// Nothing lost and, for exactly-once delivery, nothing twice.
  public func isClean(exactlyOnce: Bool = false) -> Bool { lost == 0 && (!exactlyOnce || duplicated == 0) }

  /// As one object, keys as above.
  public var json: String {
    let numbers = [
      ("records", records), ("answered", answered), ("failed", failed), ("deadLettered", deadLettered), ("lost", lost),
      ("committedPast", committedPast), ("duplicated", duplicated), ("reordered", reordered), ("strays", strays),
    ].map { "\"\($0)\":\($1)" }
    // Codes and ids are letters, digits, dots, hyphens and slashes, unless another program wrote them.
    let codes = codes.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\($0.value)" }
    return "{\((numbers + ["\"codes\":{\(codes.joined(separator: ","))}", "\"examples\":[\(examples.map(quoted).joined(separator: ","))]"]).joined(separator: ","))}"
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : $0.value < 32 ? " " : String($0) }.joined() + "\""
  }

  /// A line for each finding.
  public func lines(hasDeadLetters: Bool, hasGroup: Bool) -> [String] {
    var lines = ["records       \(records)", "answered      \(answered)"]
    let byCode = codes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
    lines.append("failed        \(failed)" + (byCode.isEmpty ? "" : " (error replies: \(byCode.joined(separator: ", ")))"))
    if hasDeadLetters { lines.append("dead-lettered \(deadLettered)") }
    var places = ""
    if lost > 0 { places = ": \(examples.joined(separator: ", "))" + (lost > examples.count ? ", …" : "") }
    lines.append("lost          \(lost)" + places)
    if hasGroup { lines.append("committed     \(committedPast == 0 ? "nothing" : "\(committedPast) lost records") passed\(lost > committedPast ? "; \(lost - committedPast) of those that count as lost may still be answered" : "")") }
    lines.append("duplicated    \(duplicated)")
    lines.append("reordered     \(reordered)")
    if strays > 0 { lines.append("strays        \(strays) replies or dead letters of no record read here") }
    return lines
  }
}
