/// Lengths in buckets: each its own to 16, then eight an octave.
enum LengthBuckets {
  static let count = 192

  /// - Precondition: `length` is 1 or more.
  static func bucket(_ length: Int) -> Int {
    if length <= 16 { return max(0, length - 1) }
    let octave = Int.bitWidth - 1 - (length - 1).leadingZeroBitCount
    return min(count - 1, 16 + (octave - 4) * 8 + ((length - 1) >> (octave - 3)) & 7)
  }

  /// The longest of a bucket.
  static func longest(_ bucket: Int) -> Int {
    if bucket < 16 { return bucket + 1 }
    let octave = (bucket - 16) / 8 + 4
    return (9 + (bucket - 16) & 7) << (octave - 3)
  }
}
