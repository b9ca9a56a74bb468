import SheafKafka

/// What of a configuration only the cluster can tell: whether it answers, and whether the topics are there.
public struct BrokerCheck: Sendable {
  /// One line each; empty: nothing stands in a worker's way.
  public var problems: [String] = []
  /// Request topics found, with their partitions.
  public var requests: [(topic: String, partitions: Int)] = []
  /// Partitions of the topics that are written to.
  public var written: [String: Int] = [:]
  /// Records committed by the group, over the partitions that have a commit; nil: the group has none.
  public var committed: Int64?

  /// Asks the cluster. Blocks up to `timeout` milliseconds for each of two questions.
  public init(_ configuration: WorkerConfiguration, timeout: Int32 = 10_000) {
    let servers = configuration.kafka["bootstrap.servers"] ?? ""
    do {
      let admin = try Admin(ClientProperties.consumer(configuration))
      let topics: [String: Int]
      do {
        topics = try admin.topics(timeout: timeout)
      } catch {
        problems = ["kafka.bootstrap.servers: \(servers): no broker answered within \(timeout / 1000) s: \(error); check the address, and that the broker runs"]
        return
      }
      check(configuration.topics, topics)
      checkSizes(configuration, admin)
      let partitions = requests.flatMap { topic, count in (0..<count).map { TopicPartition(topic, Int32($0)) } }
      guard !partitions.isEmpty else { return }
      do {
        let known = try admin.committed(partitions, timeout: timeout).map(\.offset).filter { $0 >= 0 }
        if !known.isEmpty { committed = known.reduce(0, +) }
      } catch {
        problems.append("kafka.group.id: \(configuration.kafka["group.id"] ?? ""): its offsets cannot be read: \(error); check the group's permissions")
      }
    } catch {
      problems = ["kafka: \(error); correct the property, or leave it out"]
    }
  }

  /// A topic that takes no batch as large as the producer makes them would refuse good replies together.
  private mutating func checkSizes(_ configuration: WorkerConfiguration, _ admin: Admin) {
    problems += BrokerCheck.sizes(configuration, written.keys.sorted(), admin)
  }

  private static func sizes(_ configuration: WorkerConfiguration, _ topics: [String], _ admin: Admin) -> [String] {
    let batchSize = configuration.kafka["batch.size"].flatMap { Int($0) } ?? 1_000_000
    return admin.setting("max.message.bytes", of: topics, timeout: 2000).sorted { $0.key < $1.key }.compactMap { topic, value in
      guard let most = Int(value), most < batchSize else { return nil }
      return "kafka.batch.size: \(batchSize): topic \(topic) takes \(most) bytes at a time (max.message.bytes), so it would refuse replies that are sent together; set kafka.batch.size: \(most)"
    }
  }

  /// A topic has refused a message as too large: whether it would refuse any, sent together with others. Blocks up to 2 s.
  static func sizeProblem(_ configuration: WorkerConfiguration) -> String? {
    let topics = [configuration.topics.replies, configuration.topics.deadLetters].compactMap(\.self) + configuration.topics.allowedReplies
    return (try? Admin(ClientProperties.consumer(configuration))).flatMap { sizes(configuration, topics, $0).first }
  }

  private mutating func check(_ wanted: WorkerConfiguration.Topics, _ topics: [String: Int]) {
    let written = ([("replies", wanted.replies), ("deadLetters", wanted.deadLetters)] + wanted.allowedReplies.map { ("allowedReplies", $0) })
    for (key, name) in written {
      if let name, let partitions = topics[name] { self.written[name] = partitions }
      if let name, topics[name] == nil { problems.append("topics.\(key): \(name): there is no such topic; create it, or name one that exists") }
    }
    for (key, request) in wanted.requests.map({ ("requests", $0) }) + wanted.bulk.map({ ("bulk", $0) }) {
      let found = topics.keys.filter { TopicPattern.matches(request, $0) ?? false }.sorted()
      if found.isEmpty {
        // A pattern may match topics that are created later.
        if !TopicPattern.isPattern(request) { problems.append("topics.\(key): \(request): there is no such topic; create it, or name one that exists") }
      }
      for name in found {
        if written.contains(where: { $0.1 == name }) {
          problems.append("topics.\(key): \(request) matches \(name), which this worker writes to: replies would be read as requests; narrow the pattern")
        }
        if !requests.contains(where: { $0.topic == name }) { requests.append((name, topics[name]!)) }
      }
    }
  }
}
