/// A setting that is refused: which one, what it was, and what to do about it.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  public var key: String
  public var value: String
  public var problem: String
  public var fix: String

  public init(key: String, value: String, problem: String, fix: String) {
    self.key = key
    self.value = value
    self.problem = problem
    self.fix = fix
  }

  public var description: String { "\(key): \(value.isEmpty ? "" : "\(value): ")\(problem); \(fix)" }
}

extension WorkerConfiguration {
  /// Refuses what would break the worker's guarantees. - Throws: `ConfigurationError`, the first one found.
  public func validate() throws(ConfigurationError) {
    if let first = faults.first { throw first }
  }

  /// Everything that `validate()` refuses.
  public var faults: [ConfigurationError] {
    var faults = ReservedProperties.faults(kafka)
    func require(_ isRight: Bool, _ key: String, _ value: String, _ problem: String, _ fix: String) {
      if !isRight { faults.append(ConfigurationError(key: key, value: value, problem: problem, fix: fix)) }
    }
    require(kafka["bootstrap.servers"]?.isEmpty == false, "kafka.bootstrap.servers", "", "is missing", "name a broker, such as localhost:9092")
    require(kafka["group.id"]?.isEmpty == false, "kafka.group.id", "", "is missing and has no default", "name the consumer group that the workers share")
    require(!topics.requests.isEmpty, "topics.requests", "", "is empty", "name at least one request topic")
    for request in topics.requests {
      require(TopicPattern.isValid(request), "topics.requests", request, "is not a topic's name or pattern", "use a name, or a regular expression that begins with ^")
    }
    for bulk in topics.bulk {
      require(TopicPattern.isValid(bulk), "topics.bulk", bulk, "is not a topic's name or pattern", "use a name, or a regular expression that begins with ^")
      require(
        !topics.requests.contains { $0 == bulk || TopicPattern.matches($0, bulk) ?? false }, "topics.bulk", bulk, "is in topics.requests too, which come first",
        "leave it out of one of them, or narrow the pattern")
    }
    require(topics.bulkWait >= 1_000_000, "topics.bulkWait", "\(topics.bulkWait) ns", "is less than 1 ms: bulk would go first", "set a millisecond and more")
    require(topics.replies != nil || topics.deadLetters != nil, "topics.replies", "", "neither replies nor deadLetters is set, so no outcome would go anywhere", "set topics.replies")
    for (key, names) in [("topics.replies", [topics.replies].compactMap(\.self)), ("topics.deadLetters", [topics.deadLetters].compactMap(\.self)), ("topics.allowedReplies", topics.allowedReplies)] {
      for name in names {
        require(TopicPattern.isValid(name), key, name, "is not a topic's name", "use letters, digits, dots, hyphens and underscores, 249 at most")
        require(
          !(topics.requests + topics.bulk).contains { TopicPattern.matches($0, name) ?? false }, key, name, "is a request topic too, so replies would be read as requests", "use another topic")
      }
    }
    if let timeout = topics.timeout {
      require(timeout >= 1_000_000, "topics.timeout", "\(timeout) ns", "is less than 1 ms: every request would expire", "set a millisecond and more, or leave it out")
    }
    require(batch.maxRows >= 1, "batch.maxRows", "\(batch.maxRows)", "is less than 1", "set 1 or more")
    let day: Nanoseconds = 86_400_000_000_000
    for (key, value) in [("commit.interval", commitInterval), ("limits.drain", drainTimeout), ("limits.stall", limits.stall)] {
      require(value >= 1 && value <= day, key, "\(value) ns", "is not 1 ns to a day", "set a time such as 10s")
    }
    let transaction = kafka["transaction.timeout.ms"].flatMap { Nanoseconds($0) } ?? ClientProperties.transactionTimeout
    require(
      delivery != .exactlyOnce || commitInterval <= transaction * 1_000_000 / 2, "commit.interval", "\(commitInterval / 1_000_000) ms",
      "is more than half of transaction.timeout.ms, \(transaction): the broker would abort the transactions", "set less, such as 100ms")
    require(batch.adaptive.latencyTarget >= 1, "batch.latencyTarget", "0", "is 0", "set a time, such as 100ms")
    require(batch.adaptive.passedOverAtMost >= 1, "batch.passedOver", "\(batch.adaptive.passedOverAtMost)", "is less than 1", "set 1 or more")
    require(batch.maxTokens >= 0, "batch.maxTokens", "\(batch.maxTokens)", "is less than 0", "set 1 or more, or 0 for what suits the model")
    require(batch.maxBytes >= 1, "batch.maxBytes", "\(batch.maxBytes)", "is less than 1", "set 1 or more")
    require(lanes >= 1 && lanes <= 256, "lanes", "\(lanes)", "is not 1 to 256", "set the number of batches to run side by side")
    require(limits.records >= 2, "limits.records", "\(limits.records)", "is less than 2", "a part of it is prefetch: set some batches' worth")
    require(limits.bytes >= 1 << 20, "limits.bytes", "\(limits.bytes)", "is less than 1 MiB", "a part of it is prefetch: set some batches' worth")
    require(limits.stall >= 1_000_000, "limits.stall", "\(limits.stall)", "is less than 1 ms", "set what no run takes, such as two minutes")
    require(limits.span >= 1, "limits.span", "\(limits.span)", "is less than 1", "set some batches' worth")
    return faults
  }

  /// The same with what the model itself allows: one that cannot be batched runs records one at a time.
  func within(_ signature: Signature) -> WorkerConfiguration {
    var configuration = self
    configuration.batch = within(batch, signature)
    return configuration
  }

  func within(_ batch: BatchSettings, _ signature: Signature) -> BatchSettings { batch.within(signature, isOrdered: topics.order != .none) }

  /// Whether outcomes are kept until their turn comes.
  var keepsOutcomes: Bool { delivery == .exactlyOnce || topics.order != .none }

  var decodeOptions: DecodeOptions {
    var options = DecodeOptions(format: topics.format, replyFormat: topics.replyFormat, nullValue: topics.nullValue, maxBytes: batch.maxBytes)
    options.takesNonFinite = topics.takesNonFinite
    return options
  }
}
