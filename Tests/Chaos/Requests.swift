import SheafTesting

/// The requests of a run: what the seed says of each, by its number.
struct Requests: Sendable {
  enum Kind: String, CaseIterable, Hashable, Sendable { case healthy, poison, malformed, oversize, expired, crash }

  static let width = 256
  /// Rows of a request whose reply the workers' producer does not take.
  static let oversizeRows = 60
  static let largestReply = 12_000

  private let seed: UInt64
  private let bounds: [(Kind, UInt64)]

  init(_ options: Options) {
    seed = options.seed
    var bound: UInt64 = 0
    bounds = [(Kind.poison, options.poison), (.malformed, options.malformed), (.oversize, options.oversize), (.expired, options.expired), (.crash, options.crash)]
      .map { kind, count in
        bound += UInt64(count)
        return (kind, bound)
      }
  }

  func kind(_ index: Int) -> Kind {
    var random = generator(index)
    let number = random.next() % 10_000
    return bounds.first { number < $0.1 }?.0 ?? .healthy
  }

  func record(_ index: Int) -> TestRecord {
    let kind = kind(index)
    var record = TestRecord(key: Array("key \(index % 1000)".utf8), value: value(index, kind), headers: [.init("kafka_correlationId", Array(String(index).utf8))])
    if kind == .expired { record.headers.append(.init("sheaf_deadline", Array("1000".utf8))) }
    return record
  }

  func value(_ index: Int, _ kind: Kind) -> [UInt8] {
    let length = switch kind {
    case .malformed: Requests.width - 1
    case .oversize: Requests.width * Requests.oversizeRows
    default: Requests.width
    }
    var random = generator(index ^ 1 << 40)
    var value: [UInt8] = []
    value.reserveCapacity(length + 8)
    while value.count < length { withUnsafeBytes(of: random.next()) { value += $0 } }
    value.removeLast(value.count - length)
    // The first byte of a row is what the model looks at.
    for row in stride(from: 0, to: length, by: Requests.width) { value[row] &= 0x7f }
    if kind == .poison { value[0] = 0xee }
    if kind == .crash { value[0] = 0xab }
    return value
  }

  /// The codes that an error reply to such a request may have.
  static func codes(_ kind: Kind) -> Set<String> {
    switch kind {
    case .healthy: []
    case .poison: ["model-failed"]
    case .malformed: ["wrong-input"]
    case .oversize: ["too-large"]
    case .expired: ["expired"]
    case .crash: ["crashed"]
    }
  }

  private func generator(_ index: Int) -> SeededGenerator { SeededGenerator(seed: seed &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(index)) }
}
