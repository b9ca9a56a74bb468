/// The headers of requests that mean something to the worker.
public enum KnownHeader: UInt8, Sendable, CaseIterable {
  case contentType, accept, correlationID, replyTopic, replyPartition, traceparent, deadline, timeout, shape

  /// What frameworks call the same, beside `name`.
  var alias: StaticString? {
    switch self {
    case .contentType: "contentType"
    default: nil
    }
  }

  /// All names, the known headers' own first; their places are the bits that a source finds in a record's list.
  static let names: [StaticString] = allCases.map(\.name) + allCases.compactMap(\.alias)
  private static let aliased = allCases.filter { $0.alias != nil }

  /// Bits by `names`, as bits of the headers they stand for.
  static func present(_ bits: UInt16) -> UInt16 {
    var present = bits & (1 << UInt16(allCases.count) - 1)
    for (place, header) in aliased.enumerated() where bits & 1 << UInt16(allCases.count + place) != 0 { present |= 1 << header.rawValue }
    return present
  }

  public var name: StaticString {
    switch self {
    case .contentType: "content-type"
    case .accept: "accept"
    case .correlationID: "kafka_correlationId"
    case .replyTopic: "kafka_replyTopic"
    case .replyPartition: "kafka_replyPartition"
    case .traceparent: "traceparent"
    case .deadline: "sheaf_deadline"
    case .timeout: "sheaf_timeout"
    case .shape: "sheaf_shape"
    }
  }
}

/// A record's headers, read in place through a function of the source they came from.
public struct Headers: BitwiseCopyable, @unchecked Sendable {  // As Record.
  /// Finds the last header of a name, in any case: its value and, in `count`, the value's length; `nil` where there is none. A null value
  /// is given as some non-nil address with count 0.
  public typealias Lookup = @convention(c) (_ handle: UnsafeRawPointer, _ name: UnsafePointer<CChar>, _ count: UnsafeMutablePointer<Int>) -> UnsafeRawPointer?

  let handle: UnsafeRawPointer?
  private let lookup: Lookup?
  /// A bit for each known header that may be there: most records carry few, and looking for the others costs a cache miss each.
  private let present: UInt16

  /// - Parameter present: bits of `KnownHeader` by raw value; those not set are not looked for.
  public init(handle: UnsafeRawPointer?, lookup: Lookup?, present: UInt16 = .max) {
    self.handle = handle
    self.lookup = lookup
    self.present = present
  }

  public static let none = Headers(handle: nil, lookup: nil, present: 0)

  /// None of the known headers is there.
  public var isEmpty: Bool { present == 0 }

  /// The value of the last header of that name, empty where it is null; `nil` where there is none.
  public func last(_ header: KnownHeader) -> UnsafeRawBufferPointer? {
    guard present & 1 << header.rawValue != 0, let handle, let lookup else { return nil }
    func find(_ name: StaticString) -> UnsafeRawBufferPointer? {
      var count = 0
      let value = lookup(handle, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), &count)
      return value.map { UnsafeRawBufferPointer(start: $0, count: count) }
    }
    return find(header.name) ?? header.alias.flatMap(find)
  }
}
