/// What bounds a batch and how long a record may wait for one. Every field may be changed while the worker runs; the next batch
/// obeys.
public struct BatchSettings: Sendable, Hashable {
  /// Rows of a batch at most; 1 and more. Default 32.
  public var maxRows: Int
  /// How long the oldest waiting record waits for company at most, in nanoseconds; 0 never waits. Default 5 ms.
  public var maxWait: Nanoseconds
  /// Tokens of a batch at most, counted as rows × longest row; a longer row runs alone. 0, the default: 4096 (adaptive: 8192) where
  /// rows are padded, else no bound but `maxBytes`.
  public var maxTokens: Int
  /// Bytes of decoded rows in a batch at most; 1 and more. Default 16 MiB.
  public var maxBytes: Int
  /// How batches are decided on, within these bounds. Default fixed.
  public var policy = BatchPolicy.fixed
  /// What an adaptive policy aims at.
  public var adaptive = AdaptiveSettings()

  public init(maxRows: Int = 32, maxWait: Nanoseconds = 5_000_000, maxTokens: Int = 0, maxBytes: Int = 16 << 20) {
    self.maxRows = maxRows
    self.maxWait = maxWait
    self.maxTokens = maxTokens
    self.maxBytes = maxBytes
  }
}

extension BatchSettings {
  /// `maxTokens`, where one is set.
  var tokenBound: Int { maxTokens > 0 ? maxTokens : .max }

  /// Bounds that are 1 and more, no more rows than the model allows (nor than arithmetic with them can hold), and none passed over
  /// where replies have an order: they would wait for it.
  func within(_ signature: Signature, isOrdered: Bool) -> BatchSettings {
    var settings = self
    settings.maxRows = max(1, min(maxRows, signature.mostRows, 1 << 24))
    settings.maxTokens = maxTokens > 0 ? maxTokens : !signature.isPadded ? .max : policy == .adaptive ? 8192 : 4096
    settings.maxBytes = max(1, maxBytes)
    settings.maxWait = min(maxWait, 3_600_000_000_000)
    settings.adaptive.latencyTarget = max(1, adaptive.latencyTarget)
    settings.adaptive.passedOverAtMost = isOrdered ? 0 : max(1, adaptive.passedOverAtMost)
    return settings
  }
}
