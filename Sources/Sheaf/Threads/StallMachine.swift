/// Decides when something that has begun has gone on for too long: first it is told of, then it is a fault. Pure: time is an argument.
///
/// Each activity that may stall has a place, 0 and on; a place that nothing goes on at has no deadline.
struct StallMachine {
  private struct Place {
    var since: Nanoseconds?
    var isTold = false
    var isExcused = false
  }

  enum Verdict: Equatable {
    /// Goes on since then: to be told of, once.
    case slow(Int, since: Nanoseconds)
    /// Has reached the bound, once.
    case stalled(Int, since: Nanoseconds)
  }

  private var places: [Place] = []
  private var hasStalled = false
  /// Told of after a quarter of it.
  let bound: Nanoseconds

  /// - Parameter bound: nanoseconds, 4 and more.
  init(bound: Nanoseconds) { self.bound = bound }

  mutating func add() -> Int {
    places.append(Place())
    return places.count - 1
  }

  mutating func begin(_ place: Int, _ now: Nanoseconds) { places[place] = Place(since: now) }

  /// - Returns: since when it went on, where it was told of.
  mutating func end(_ place: Int) -> Nanoseconds? {
    defer { places[place] = Place() }
    return places[place].isTold ? places[place].since : nil
  }

  /// An excused place is told of, but does not stall.
  mutating func excuse(_ place: Int, _ isExcused: Bool) { places[place].isExcused = isExcused }

  /// When `look` is due next; nil: nothing goes on.
  var deadline: Nanoseconds? {
    places.lazy.compactMap { place in
      guard let since = place.since, !(place.isTold && (hasStalled || place.isExcused)) else { return nil }
      return since + (place.isTold ? bound : bound / 4)
    }.min()
  }

  /// What goes on for too long.
  mutating func look(_ now: Nanoseconds) -> [Verdict] {
    var verdicts: [Verdict] = []
    for index in places.indices {
      guard let since = places[index].since else { continue }
      if !places[index].isTold, now >= since + bound / 4 {
        places[index].isTold = true
        verdicts.append(.slow(index, since: since))
      }
      if !hasStalled, !places[index].isExcused, now >= since + bound {
        hasStalled = true
        verdicts.append(.stalled(index, since: since))
      }
    }
    return verdicts
  }

  /// Those that were told of and go on.
  var told: [(place: Int, since: Nanoseconds)] {
    places.indices.compactMap { index in
      guard places[index].isTold, let since = places[index].since else { return nil }
      return (index, since)
    }
  }
}
