/// How records are read where their headers do not say, and how large a request may be.
public struct DecodeOptions: Sendable, Hashable {
  public enum Format: String, Sendable, CaseIterable { case text, json, raw }
  public enum NullValue: String, Sendable, CaseIterable { case error, skip }

  /// The format of a record without a content-type header.
  public var format: Format
  /// What a reply is written as where the request has no accept header.
  public var replyFormat: ReplyFormat
  public var nullValue: NullValue
  /// The most bytes of decoded rows a request may have.
  public var maxBytes: Int
  /// JSON may say NaN, Infinity and -Infinity, as Python writes them, as strings too, and null for NaN, where the model takes floats.
  /// Default false: JSON itself has none of them.
  public var takesNonFinite = false

  public init(format: Format, replyFormat: ReplyFormat = .json, nullValue: NullValue = .error, maxBytes: Int = .max) {
    self.format = format
    self.replyFormat = replyFormat
    self.nullValue = nullValue
    self.maxBytes = maxBytes
  }
}
