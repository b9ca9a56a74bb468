/// What is wrong with one record, for the one who sent it. It fails this record alone and never its neighbours.
///
/// The place (topic, partition, offset) is added where the fault is told; this says what was expected and what came.
public struct RecordFault: Error, Sendable, Equatable {
  public enum Code: String, Sendable, CaseIterable {
    /// The value is null and `nullValue` is `error`.
    case nullValue = "null-value"
    /// Not the format it claims to be (bad JSON, text that is not UTF-8, …).
    case malformed
    /// A content type, data type or feature that is not supported.
    case unsupported
    /// An input is missing, unknown, of the wrong data type or shape.
    case wrongInput = "wrong-input"
    /// A number that the tensor's type cannot hold.
    case outOfRange = "out-of-range"
    /// More rows, tokens or bytes than a batch may hold, or a reply larger than the broker takes.
    case tooLarge = "too-large"
    /// A header names a reply topic or partition that is not allowed.
    case badReplyTopic = "bad-reply-topic"
    /// Its deadline passed before a batch could take it.
    case expired
    /// The model failed this record, when it stood alone.
    case modelFailed = "model-failed"
    /// The model's answer is not a number, and such answers are to fail.
    case notANumber = "not-a-number"
    /// The record, alone, killed the process that ran it.
    case crashed
  }
  public var code: Code
  /// What would have been right, in words a sender can act on.
  public var expected: String
  /// What came instead, shortened where it is long.
  public var came: String

  public init(_ code: Code, expected: String, came: String) {
    self.code = code
    self.expected = expected
    self.came = came
  }
}
