/// Turns texts into the ids that a model takes, special tokens and truncation included.
public protocol TextEncoder: Sendable {
  /// The most ids one text, or one pair of texts, may become; 1 and more.
  var maxLength: Int { get }
  /// What rows shorter than their batch are filled up with. Default 0.
  var padID: Int64 { get }
  /// Ids are below this; `nil`: not known.
  var vocabularySize: Int? { get }
  /// Whether two texts can be encoded as one row, for models that compare them (rerankers, inference). Default false.
  var takesPairs: Bool { get }
  /// The same, for rows of so many ids at most where that is fewer. Default: itself, so that longer texts are faults.
  func limited(to maxLength: Int) -> any TextEncoder
  /// Replaces what is in `tokens` by the ids of a UTF-8 `text`, or of a pair of texts.
  /// - Parameter pair: the second text; `nil`: there is none. Given only where `takesPairs`.
  /// - Throws: a fault where a text is not valid UTF-8, or is too long and truncation is refused.
  func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault)
}

extension TextEncoder {
  public var padID: Int64 { 0 }
  public var vocabularySize: Int? { nil }
  public var takesPairs: Bool { false }
  public func limited(to maxLength: Int) -> any TextEncoder { self }
}

/// The tokens of one text, or of a pair of texts: memory that is used again from text to text.
public struct TokenSequence: Sendable {
  /// Where a token stands, in bytes of UTF-8 from the begin of its text; empty for special tokens.
  public struct Place: Sendable, Hashable, BitwiseCopyable {
    public var start: Int32
    public var end: Int32

    @inlinable public init(start: Int32, end: Int32) {
      self.start = start
      self.end = end
    }
  }

  public var ids: [Int64] = []
  /// The text each id belongs to, as models call it (`token_type_ids`): as many as there are ids; empty: all are 0.
  public var types: [Int64] = []
  /// As many as there are ids where `wantsPlaces`; else empty.
  public var places: [Place] = []
  /// Whether the caller has a use for `places`. Default false.
  public var wantsPlaces = false

  public init() {}

  public mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    types.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
  }
}
