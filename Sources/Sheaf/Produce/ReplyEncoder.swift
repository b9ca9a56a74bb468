/// Writes replies. One per lane: it keeps the buffer that the last reply was written to.
public final class ReplyEncoder {
  public let signature: Signature
  public let modelName: String

  public init(signature: Signature, modelName: String) {
    self.signature = signature
    self.modelName = modelName
  }

  /// The reply to `request` from its rows of the outputs, in the request's reply format; valid until the next call.
  public func encode(_ request: Request, _ outputs: UnsafeBufferPointer<OutputSlice>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: nil, count: 0)
  }

  /// The error reply to `record` of `topic`: always JSON, `{"error": "…"}` with the place, what was expected and what came, in
  /// separate members too; valid until the next call.
  public func encode(_ fault: RecordFault, _ record: Record, topic: String) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: nil, count: 0)
  }
}
