/// librdkafka properties that are the worker's own to set: a configuration that names one is refused with the reason.
public enum ReservedProperties {
  /// The reason by property, and what to use instead.
  public static let reasons: [String: String] = [
    "enable.auto.commit": "offsets are committed once their replies are acknowledged; use commit.interval",
    "auto.commit.enable": "offsets are committed once their replies are acknowledged; use commit.interval",
    "auto.commit.interval.ms": "offsets are committed once their replies are acknowledged; use commit.interval",
    "enable.auto.offset.store": "offsets are stored once their replies are acknowledged; leave it out",
    "auto.offset.reset": "a lost offset must stop the worker, not skip records; use topics.start for a partition without a commit",
    "enable.partition.eof": "the worker needs the ends of partitions to commit past gaps; leave it out",
    "isolation.level": "it follows from delivery; leave it out",
    "acks": "a record is settled when all in-sync replicas have its reply; leave it out",
    "request.required.acks": "a record is settled when all in-sync replicas have its reply; leave it out",
    "enable.idempotence": "replies are always produced idempotently; leave it out",
    "transactional.id": "it follows from delivery; leave it out",
    "message.timeout.ms": "a reply is retried until it is acknowledged or the partition is lost; leave it out",
    "delivery.timeout.ms": "a reply is retried until it is acknowledged or the partition is lost; leave it out",
    "queued.min.messages": "the prefetch is derived from limits.records; use that",
    "queued.max.messages.kbytes": "the prefetch is derived from limits.bytes; use that",
  ]

  /// The reserved ones among `properties`, in order of their names.
  public static func faults(_ properties: [String: String]) -> [ConfigurationError] {
    properties.keys.sorted().compactMap { name in
      guard let reason = reasons[name] else { return nil }
      let parts = reason.split(separator: ";", maxSplits: 1)
      return ConfigurationError(
        key: "kafka.\(name)", value: properties[name]!, problem: "reserved: \(parts[0])", fix: String(parts[1].drop { $0 == " " }))
    }
  }

  /// - Throws: the first reserved one.
  public static func check(_ properties: [String: String]) throws(ConfigurationError) {
    if let first = faults(properties).first { throw first }
  }
}
