import SheafKafka

/// The librdkafka properties of the worker's two clients: the user's, and those that the worker's guarantees rest on.
enum ClientProperties {
  /// Milliseconds, unless set.
  static let transactionTimeout: Nanoseconds = 10_000

  static func consumer(_ configuration: WorkerConfiguration) -> [(String, String)] {
    let user = configuration.kafka
    var properties: [(String, String)] = user.filter { !isProducerOnly($0.key) }.sorted { $0.key < $1.key }
    func set(_ key: String, _ value: String) { if user[key] == nil { properties.append((key, value)) } }
    // Offsets are the worker's: nothing is stored or committed but what is settled, and no position is made up.
    set("enable.auto.commit", "false")
    set("enable.auto.offset.store", "false")
    set("auto.offset.reset", "error")
    set("isolation.level", "read_committed")
    // Tells the position past compaction gaps and transaction markers.
    set("enable.partition.eof", "true")
    // A group must be of one kind; under the new protocol the broker assigns.
    if user["group.protocol"] != "consumer" { set("partition.assignment.strategy", "range") }
    // Each records queue has thresholds of its own.
    let queues = configuration.topics.bulk.isEmpty ? 1 : 2
    set("queued.min.messages", String(max(1, configuration.limits.prefetch.records / queues)))
    set("queued.max.messages.kbytes", String(max(1, configuration.limits.prefetch.bytes / 1024 / queues)))
    // The threshold is overshot by one fetch; that has to hold the largest message a broker takes by default.
    let largest = max(1_048_576, user["message.max.bytes"].flatMap { Int($0) } ?? 0)
    set("fetch.max.bytes", String(max(largest, min(52_428_800, configuration.limits.bytes / 8))))
    if librdkafkaKnows("fetch.queue.backoff.ms") { set("fetch.queue.backoff.ms", "5") }
    common(set)
    return properties
  }

  static func producer(_ configuration: WorkerConfiguration) -> [(String, String)] {
    let user = configuration.kafka
    var properties: [(String, String)] = user.filter { !isConsumerOnly($0.key) }.sorted { $0.key < $1.key }
    func set(_ key: String, _ value: String) { if user[key] == nil { properties.append((key, value)) } }
    set("enable.idempotence", "true")
    set("acks", "all")
    if configuration.delivery == .exactlyOnce {
      set("transactional.id", configuration.transactionalID)
      // A killed worker's open transaction holds up read_committed readers that long (60 s by default).
      set("transaction.timeout.ms", String(transactionTimeout))
      // Nearly all the time of sending a transaction's offsets is this back-off, 100 ms by default.
      set("retry.backoff.ms", "10")
    } else {
      // Replies wait for the broker as long as it takes: their records stay unsettled, and intake stops at its bound.
      set("message.timeout.ms", "0")
    }
    // A batch arrives at the producer together; waiting for more only adds latency.
    set("linger.ms", "0")
    // Short, for cache locality; a full queue pushes back on the lanes.
    set("queue.buffering.max.messages", "20000")
    set("queue.buffering.max.kbytes", String(max(1024, min(2_097_151, configuration.limits.bytes / 2 / 1024))))
    common(set)
    return properties
  }

  private static func common(_ set: (String, String) -> Void) {
    set("client.id", "sheaf")
    // The default of 10 s turns a 3 s outage into 10.
    set("reconnect.backoff.max.ms", "1000")
    set("socket.nagle.disable", "true")
  }

  /// Properties that librdkafka warns about when the other kind of client is given them.
  private static func isConsumerOnly(_ key: String) -> Bool {
    ["group.", "session.", "heartbeat.", "max.poll.", "fetch.", "queued.", "partition.assignment.", "check.crcs", "isolation.", "enable.partition.eof", "enable.auto.", "auto."]
      .contains(where: key.hasPrefix) || key == "auto.offset.reset"
  }

  private static func isProducerOnly(_ key: String) -> Bool {
    ["linger.ms", "batch.", "queue.buffering.", "compression.", "message.send.", "retries", "partitioner", "sticky.", "transactional.", "transaction.", "enable.idempotence", "enable.gapless", "acks", "request.required.acks", "request.timeout.ms", "message.timeout.ms", "delivery.timeout.ms", "max.in.flight"]
      .contains(where: key.hasPrefix)
  }
}

extension WorkerConfiguration.Limits {
  /// librdkafka's share of the bounds: a quarter, overshot by one fetch of an eighth at most.
  var prefetch: (records: Int, bytes: Int) {
    (max(1, min(10_000_000, records / 4)), max(1024, min(2_097_151 * 1024, bytes / 4)))
  }

  /// The worker's share: half. What is left over is for messages larger than the mean of those before them.
  var inside: (records: Int, bytes: Int) { (max(1, records / 2), bytes / 2) }
}
