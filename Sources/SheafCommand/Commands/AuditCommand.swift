import Glibc
import Sheaf
import SheafAudit
import SheafKafka

enum AuditCommand: Subcommand {
  static let summary = "account for every record of a run: answered, failed, lost, duplicated"
  static let options = [
    Option("bootstrap", "HOST:PORT", "the broker; default localhost:9092"),
    Option("requests", "NAME", "a request topic; may be given more than once", repeats: true),
    Option("replies", "NAME", "a reply topic; may be given more than once", repeats: true),
    Option("dead-letters", "NAME", "the dead-letter topic"),
    Option("group", "NAME", "the workers' group: tells lost records that its committed offset has passed from those still to be answered"),
    Option("from-config", "FILE", "takes broker, topics and group from a worker's configuration; the options above override it"),
    Option("property", "KEY=VALUE", "a librdkafka property (security, for one); may be given more than once", repeats: true),
    Option("skip-null", nil, "records with a null value require nothing (topics.nullValue: skip)"),
    Option("exactly-once", nil, "exit code 1 where a record was answered twice, too"),
    Option("json", nil, "prints one JSON object"),
  ]
  static var help: String {
    """
    usage: sheaf audit --requests NAME --replies NAME [OPTIONS]

    Reads the request, reply and dead-letter topics from their beginning to their present end, outside of any group (transactions
    committed alone), and matches every request record with what came back for it. A record is settled by a reply; one that failed,
    by an error reply where there are reply topics, and a dead letter where there is a topic for them. One that is not settled
    is lost, or not answered yet: with --group, what the committed offset has passed is told apart.

      duplicated   outcomes beyond the first of their record
      reordered    replies after one to a later record of the same request partition, in the same reply partition

    \(options.help)

    Exit code 0: nothing is lost; 1: something is, or the cluster does not answer; 2: the command line is wrong.

    Examples:
      sheaf audit --requests requests --replies replies --dead-letters requests-dlt --group embeddings
      sheaf audit --from-config sheaf.yaml --exactly-once --json
    """
  }

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, command: "audit")
    var (run, properties) = try arguments["from-config"].map(configured) ?? (AuditRun(requests: [], replies: []), [:])
    for property in arguments.all("property") {
      let parts = property.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw UsageError("audit: --property \(property): has no =; write --property key=value") }
      properties[parts[0]] = parts[1]
    }
    if let servers = arguments["bootstrap"] { properties["bootstrap.servers"] = servers }
    properties["bootstrap.servers"] = properties["bootstrap.servers"] ?? "localhost:9092"
    if arguments.has("requests") { run.requests = arguments.all("requests") }
    if arguments.has("replies") { (run.replies, run.requirements.errorReply) = (arguments.all("replies"), true) }
    if let topic = arguments["dead-letters"] { (run.deadLetters, run.requirements.deadLetter) = (topic, true) }
    if let group = arguments["group"] { run.group = group }
    if arguments.has("skip-null") { run.skipsNull = true }
    if run.requests.isEmpty { throw UsageError("audit: no request topic; name it with --requests, or a configuration with --from-config") }
    if run.replies.isEmpty, run.deadLetters == nil { throw UsageError("audit: no reply topic; name it with --replies, or a dead-letter topic with --dead-letters") }

    let report = try run.run(properties.sorted { $0.key < $1.key })
    if arguments.has("json") { Terminal.print(report.json) } else {
      for line in report.lines(hasDeadLetters: run.deadLetters != nil, hasGroup: run.group != nil) { Terminal.print(line) }
    }
    return report.isClean(exactlyOnce: arguments.has("exactly-once")) ? ExitCode.success : ExitCode.failure
  }

  /// What a worker's configuration says of its run. Request patterns are resolved by asking the cluster.
  private static func configured(_ path: String) throws -> (AuditRun, properties: [String: String]) {
    guard let bytes = readFile(path) else {
      throw UsageError("audit: --from-config \(path): cannot be read: \(String(cString: strerror(errno))); name a YAML file")
    }
    let environment = processEnvironment()
    var given = GivenSettings(file: (String(path.split(separator: "/").last ?? "sheaf.yaml"), bytes), environment: environment)
    let kafka = given.kafka(environment)
    let topics = WorkerConfiguration.Topics(
      requests: given.list("topics.requests") + given.list("topics.bulk"), replies: given.text("topics.replies"), allowedReplies: given.list("topics.allowedReplies"),
      deadLetters: given.text("topics.deadLetters"))
    let skipsNull = given.choiceText("topics.nullValue") == "skip"
    if !given.faults.isEmpty { throw ExitError(code: ExitCode.usage, lines: given.faults.sorted(by: Fault.inOrder).map(\.description)) }
    let check = BrokerCheck(WorkerConfiguration(kafka: kafka, topics: topics))
    if !check.problems.isEmpty { throw ExitError(code: ExitCode.failure, lines: check.problems) }

    let replies = ([topics.replies].compactMap(\.self) + topics.allowedReplies)
    var run = AuditRun(requests: check.requests.map(\.topic), replies: replies, deadLetters: topics.deadLetters, group: kafka["group.id"])
    // Error replies go to the default topic alone.
    run.requirements.errorReply = topics.replies != nil
    run.skipsNull = skipsNull
    // Of the properties those that lead to the cluster; the others are for workers.
    let leading = ["bootstrap.", "security.", "sasl.", "ssl.", "enable.ssl.", "socket.", "broker.address."]
    return (run, kafka.filter { property in leading.contains(where: property.key.hasPrefix) })
  }
}
