/// How records are read where their headers do not say, and how large a request may be.
public struct DecodeOptions: Sendable, Hashable {
  public enum Format: String, Sendable, CaseIterable { case text, json, raw }
  public enum NullValue: String, Sendable, CaseIterable { case error, skip }

  /// The format of a record without a content-type header.
  public var format: Format
  /// What a reply is written as where the request has no accept header.
  public var replyFormat: ReplyFormat
  public var nullValue: NullValue
  /// The most rows a request may have (the largest maxRows a batch may ever get).
  public var maxRows: Int
  /// The most tokens, rows × longest, a request may have.
  public var maxTokens: Int
  /// The most bytes of decoded rows a request may have.
  public var maxBytes: Int

  public init(
    format: Format, replyFormat: ReplyFormat = .json, nullValue: NullValue = .error, maxRows: Int = .max, maxTokens: Int = .max, maxBytes: Int = .max
  ) {
    self.format = format
    self.replyFormat = replyFormat
    self.nullValue = nullValue
    self.maxRows = maxRows
    self.maxTokens = maxTokens
    self.maxBytes = maxBytes
  }
}
