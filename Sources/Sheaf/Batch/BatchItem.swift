/// What the batching core sees of a request: never its payload.
struct BatchItem: BitwiseCopyable {
  var arrival: Nanoseconds
  /// At least 1.
  var rows: Int
  /// The longest of its rows; where rows are not padded, how large each is.
  var length: Int
  /// Bytes of its decoded rows.
  var bytes: Int
  /// When it expires; `.max`: never.
  var deadline: Nanoseconds = .max
  /// How long it had waited elsewhere when it arrived, where the broker's clock tells.
  var before: Nanoseconds = 0
  /// Only requests of one group run together.
  var group: UInt64 = 0

  /// When its waiting began, for the latency target.
  var origin: Nanoseconds { arrival - min(arrival, before) }
}
