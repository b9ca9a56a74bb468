/// How long to wait before something is tried again: doubled every time, up to a bound. Pure: the random number is an argument.
struct BackOff {
  /// In nanoseconds, at least 1.
  var first: Nanoseconds
  var most: Nanoseconds

  /// Between a half and the whole of the doubled time, so that several workers do not come back at once.
  /// - Parameter attempt: 0 for the first.
  func delay(_ attempt: Int, random: UInt64) -> Nanoseconds {
    let factor: Nanoseconds = 1 << Nanoseconds(min(max(0, attempt), 40))
    let (doubled, overflows) = first.multipliedReportingOverflow(by: factor)
    let whole = overflows ? most : min(most, doubled)
    return whole - random % (whole / 2 + 1)
  }
}
