/// Everything a worker is told but the model itself.
public struct WorkerConfiguration: Sendable {
  /// librdkafka properties, passed to consumer and producer alike. `group.id` and `bootstrap.servers` have to be there; those
  /// that would break the worker's guarantees are refused by `Worker.init`.
  public var kafka: [String: String]
  public var topics: Topics
  public var batch: BatchSettings
  public var limits: Limits
  public var isolation = Isolation()
  /// Lanes that run batches side by side; 1 and more.
  public var lanes: Int
  public var delivery: Delivery
  /// Offsets are committed this often at most, in nanoseconds, while there is something new; with exactly-once, as long as a transaction lasts. Default 100 ms.
  public var commitInterval: Nanoseconds
  /// How long a drain (at a rebalance, at shutdown) may take, in nanoseconds; never more than a third of max.poll.interval.ms.
  /// Default 10 s.
  public var drainTimeout: Nanoseconds
  /// Work off what is in the topics at the start, commit and end, instead of going on.
  public var untilEnd: Bool
  /// What runs are known to cost, from warm-up or an earlier worker; `nil`: learned while serving.
  public var profile: RunProfile?
  /// How often a line tells of a batch, at most, in nanoseconds: why it was dispatched, its padding, what it took, and what came of
  /// all since the line before; `nil`, the default: never.
  public var batchLog: Nanoseconds?
  /// Records whose answer has a NaN in it are failed, instead of being answered with it. Default false; they are counted and told of
  /// either way.
  public var failsNaN = false
  /// Where the worker's lines go. Default: standard error.
  public var log: @Sendable (String) -> Void
  /// Called with the consumer's statistics, librdkafka's JSON, where `kafka` sets `statistics.interval.ms`; on the consume
  /// thread, so it has to be quick.
  public var statistics: (@Sendable (String) -> Void)?

  public struct Topics: Sendable {
    /// Request topics, or patterns that begin with ^. None may be a reply or dead-letter topic.
    public var requests: [String]
    /// Request topics, or patterns, whose records wait for those of `requests`: they fill their batches up, and run alone while nothing
    /// else waits. They may have half of the room inside the worker. A topic that a pattern of `requests` takes in is not bulk.
    public var bulk: [String] = []
    /// For how long the oldest bulk record is passed over by others at most; then a batch begins with it. In nanoseconds, 1 ms and
    /// more. Default 1 s.
    public var bulkWait: Nanoseconds = 1_000_000_000
    /// How a record without a content-type header is read.
    public var format: DecodeOptions.Format
    /// What a reply is written as where the request has no accept header.
    public var replyFormat: ReplyFormat
    public var nullValue: DecodeOptions.NullValue
    /// See `DecodeOptions.takesNonFinite`. Default false.
    public var takesNonFinite = false
    /// Where replies and error replies go; `nil`: only where a header names an allowed topic, and `deadLetters` must be set.
    public var replies: String?
    /// Topics that a request's `kafka_replyTopic` header may name, beside `replies`.
    public var allowedReplies: [String]
    /// Where the originals of failed records go; `nil`: nowhere.
    public var deadLetters: String?
    /// Whether replies wait for those of earlier records.
    public var order: Order = .none
    /// Where a partition without a committed offset begins.
    public var start: Start
    /// How long a request without a deadline of its own is worth answering, in nanoseconds from the broker's timestamp where the
    /// topic has LogAppendTime, else from its arrival; 1 ms and more. `nil`, the default: for ever.
    public var timeout: Nanoseconds?
    /// Replies say in a header, `sheaf_batch`, how many rows ran together. Default false.
    public var batchHeader: Bool = false

    public enum Order: String, Sendable, CaseIterable {
      /// Replies are sent as they are done.
      case none
      /// Replies of one request partition are sent in the order of its records; so are, with it, those of one key.
      case partition
    }

    public enum Start: String, Sendable, CaseIterable { case earliest, latest }

    public init(
      requests: [String], format: DecodeOptions.Format = .json, replyFormat: ReplyFormat = .json, nullValue: DecodeOptions.NullValue = .error,
      replies: String?, allowedReplies: [String] = [], deadLetters: String? = nil, start: Start = .earliest
    ) {
      self.requests = requests
      self.format = format
      self.replyFormat = replyFormat
      self.nullValue = nullValue
      self.replies = replies
      self.allowedReplies = allowedReplies
      self.deadLetters = deadLetters
      self.start = start
    }
  }

  public struct Limits: Sendable {
    /// Records inside the worker at most, librdkafka's prefetch included. Default 100,000.
    public var records: Int
    /// Their bytes at most (keys, values and headers). Default 64 MiB. Decoded rows come on top, for some batches at a time.
    public var bytes: Int
    /// Records of one partition from the committed offset to the newest handed on, at most. Default 20,000.
    public var span: Int
    /// A run, a turn of the consume thread or the replies' acknowledgements (while brokers can be reached) that take longer end the
    /// worker, in nanoseconds; they are told of after a quarter of it. Default 2 minutes.
    public var stall: Nanoseconds

    public init(records: Int = 100_000, bytes: Int = 64 << 20, span: Int = 20_000, stall: Nanoseconds = 120_000_000_000) {
      self.stall = stall
      self.records = records
      self.bytes = bytes
      self.span = span
    }
  }

  /// What is done about records that may have killed a worker.
  public struct Isolation: Sendable {
    /// Records that a worker had begun when it ended without a word are run in a child process, the same program started again,
    /// where the one that kills it costs only that; so does a run there that takes longer than `limits.stall`. Default on.
    public var isOn: Bool
    /// How long the child may take until it has loaded its model, in nanoseconds. Default 5 minutes.
    public var startTimeout: Nanoseconds

    public init(isOn: Bool = true, startTimeout: Nanoseconds = 300_000_000_000) {
      self.isOn = isOn
      self.startTimeout = startTimeout
    }
  }

  public enum Delivery: String, Sendable, CaseIterable { 
    /// Every record is answered; after a failure some are answered again, with the same `sheaf_id`.
    case atLeastOnce = "at-least-once"
    /// Replies, error replies, dead letters and offsets are committed together, in transactions: readers with
    /// `isolation.level=read_committed` see each exactly once.
    case exactlyOnce = "exactly-once"
  }

  public init(kafka: [String: String], topics: Topics, batch: BatchSettings = .init(), limits: Limits = .init(), lanes: Int = 1) {
    self.kafka = kafka
    self.topics = topics
    self.batch = batch
    self.limits = limits
    self.lanes = lanes
    delivery = .atLeastOnce
    commitInterval = 100_000_000
    drainTimeout = 10_000_000_000
    untilEnd = false
    log = logToStandardError
  }
}

extension WorkerConfiguration {
  /// A static member's survives its restarts, so that a new process ends what the old one left open; otherwise one of its own.
  var transactionalID: String {
    let group = kafka["group.id"] ?? ""
    if let instance = kafka["group.instance.id"] { return "sheaf.\(group).\(instance)" }
    return "sheaf.\(group).\(String(UInt64.random(in: .min ... .max), radix: 36))"
  }
}

extension WorkerConfiguration.Topics {
  /// - Complexity: O(patterns); for a partition, not for a record.
  func priority(of topic: String) -> Priority {
    if bulk.isEmpty || requests.contains(where: { TopicPattern.matches($0, topic) ?? false }) { return .interactive }
    return bulk.contains { TopicPattern.matches($0, topic) ?? false } ? .bulk : .interactive
  }
}
