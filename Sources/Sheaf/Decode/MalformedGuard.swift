/// Notices when malformed records are most of a topic, which a wrong `topics.format` looks like. Pure.
///
/// Malformed records are their senders' fault and hold nobody, but where they are more than half of the last 1,000 records of a
/// topic, of more than one of its partitions assigned here, where there are several.
struct MalformedGuard {
  /// Records of one partition that came one after another.
  private struct Block {
    var partition: Int32
    var records: Int
    var malformed: Int
  }

  private struct Topic {
    var blocks: [Block] = []
    var records = 0
    var malformed = 0
  }

  private var topics: [Int32: Topic] = [:]

  static let window = 1000

  /// Takes note of records of one partition that were decoded together.
  mutating func note(_ topic: Int32, _ partition: Int32, records: Int, malformed: Int) {
    guard records > 0 else { return }
    var seen = topics.removeValue(forKey: topic) ?? Topic()
    seen.records += records
    seen.malformed += malformed
    if let last = seen.blocks.indices.last, seen.blocks[last].partition == partition, seen.blocks[last].records + records <= 64 {
      seen.blocks[last].records += records
      seen.blocks[last].malformed += malformed
    } else {
      seen.blocks.append(Block(partition: partition, records: records, malformed: malformed))
    }
    while let first = seen.blocks.first, seen.records - first.records >= MalformedGuard.window {
      seen.records -= first.records
      seen.malformed -= first.malformed
      seen.blocks.removeFirst()
    }
    topics[topic] = seen
  }

  /// - Parameter assigned: partitions of the topic that are assigned here.
  /// - Returns: what makes it a flood; nil: it is none.
  func flood(_ topic: Int32, assigned: Int) -> String? {
    guard let seen = topics[topic], seen.records >= MalformedGuard.window, seen.malformed * 2 > seen.records else { return nil }
    let partitions = Set(seen.blocks.lazy.filter { $0.malformed > 0 }.map(\.partition))
    guard partitions.count > 1 || assigned <= 1 else { return nil }
    return "\(seen.malformed) of its last \(seen.records) records are malformed, in partitions \(partitions.sorted().map { "\($0)" }.joined(separator: " "))"
  }

  mutating func forget(_ topic: Int32) { topics[topic] = nil }
}
