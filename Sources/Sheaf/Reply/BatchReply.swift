/// What a run answered to one request.
enum BatchReply {
  /// - hasNaN: a float of it is not a number.
  case value(UnsafeRawBufferPointer, hasNaN: Bool)
  /// The model failed a row of it.
  case failed(String)
}
