import Glibc

/// For what nobody tells of: looks again every 20 ms. - Returns: false where it did not come true within `seconds`.
@discardableResult public func looks(for seconds: Double, until condition: () throws -> Bool) rethrows -> Bool {
  let deadline = monotonicSeconds() + seconds
  while try !condition() {
    if monotonicSeconds() >= deadline { return false }
    usleep(20_000)
  }
  return true
}

/// The same without blocking a thread of Swift's pool, which the code under test may need.
///
/// Counted in turns: while other tests block the threads of the pool this one has none, and no time passes for it.
/// - Returns: false where it did not come true within so many seconds of turns.
public func eventually(within seconds: Double = 60, _ condition: () throws -> Bool) async throws -> Bool {
  var turns = Int(seconds * 50)
  while try !condition() {
    if turns == 0 { return false }
    turns -= 1
    try await Task.sleep(for: .milliseconds(20))
  }
  return true
}
