/// What bounds a batch and how long a record may wait for one. Every field may be changed while the worker runs; the next batch
/// obeys.
public struct BatchSettings: Sendable, Hashable {
  /// Rows of a batch at most; 1 and more. Default 32.
  public var maxRows: Int
  /// How long the oldest waiting record waits for company at most, in nanoseconds; 0 never waits. Default 5 ms.
  public var maxWait: Nanoseconds
  /// Tokens of a batch at most, counted as rows × longest row; 1 and more. Default 4096.
  public var maxTokens: Int
  /// Bytes of decoded rows in a batch at most; 1 and more. Default 16 MiB.
  public var maxBytes: Int

  public init(maxRows: Int = 32, maxWait: Nanoseconds = 5_000_000, maxTokens: Int = 4096, maxBytes: Int = 16 << 20) {
    self.maxRows = maxRows
    self.maxWait = maxWait
    self.maxTokens = maxTokens
    self.maxBytes = maxBytes
  }
}
