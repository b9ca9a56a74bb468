/// Decides what a lane runs next of one batch, until every request of it is answered or has failed alone. Pure: time and random
/// numbers are arguments.
///
///     whole ──fails──► whole again ──fails──► halves, their halves, … ──► one that fails alone is a culprit
///
/// Where the first half of a failed part passes, the second holds the culprit and is halved without a run of its own: with one
/// culprit in n there are at most 2·log2(n) + 2 runs beyond the first. A part that exhausts the memory is halved at once; a model
/// that is not available is asked again after a back-off, and nothing is failed for it.
struct FailureMachine {
  enum Step: Equatable {
    /// Run these as one batch, then report `ran(_:now:random:)`.
    case run(Range<Int>)
    /// This one failed alone: tell its sender and report `told()`, or keep it with `keep()`.
    case fail(Int)
    /// Wait, then report `waited(_:)`.
    case wait(until: Nanoseconds)
    /// The model stayed away: hold the worker, then report `held()`.
    case hold
    case done
  }

  enum Outcome: Equatable {
    /// All of them are done with.
    case answered
    case failed
    /// The child process they ran in is dead: not once more as a whole.
    case crashed
    /// Or of a shape that is better run in parts.
    case outOfMemory
    case unavailable
    /// Nothing is known of them: they are run again.
    case kept
  }

  private struct Part {
    var range: Range<Int>
    var state: State
    /// A culprit is in this part or in the one after it.
    var isFirstHalf = false
  }

  private enum State {
    /// Not run yet, or run once: a whole batch has a second try.
    case whole, again
    /// To be run.
    case part
    /// Holds a culprit; run only where it is one.
    case suspect
    /// One that failed alone.
    case culprit
  }

  private enum Pause: Equatable { case none, wait(until: Nanoseconds), hold }

  /// What is to be done now, and after it, last first.
  private var current: Part?
  private var rest: [Part] = []
  private var pause = Pause.none
  /// Times the model was not available since it last ran.
  private var absences = 0

  /// For a model that is not available: 0.1 s, doubled up to 5 s, 8 times: about 12 to 17 s in all.
  static let backOff = BackOff(first: 100_000_000, most: 5_000_000_000)
  static let attempts = 8

  init(count: Int) {
    if count > 0 { current = Part(range: 0..<count, state: .whole) }
  }

  var step: Step {
    switch pause {
    case .wait(let until): return .wait(until: until)
    case .hold: return .hold
    case .none: break
    }
    guard let current else { return .done }
    return current.state == .culprit ? .fail(current.range.lowerBound) : .run(current.range)
  }

  /// Those that are neither answered nor failed, in order.
  var unanswered: [Int] { (rest + [current].compactMap(\.self)).flatMap { Array($0.range) }.sorted() }

  /// What became of the run that `step` asked for.
  mutating func ran(_ outcome: Outcome, now: Nanoseconds, random: UInt64) {
    guard let part = current else { return }
    if outcome != .unavailable { absences = 0 }
    switch outcome {
    case .answered:
      current = rest.popLast()
      if part.isFirstHalf {
        current?.state = .suspect
        if let suspect = current, suspect.range.count > 1 { halve(suspect) }
      }
    case .failed:
      if part.state == .whole { current!.state = .again } else if part.range.count == 1 { current!.state = .culprit } else { halve(part) }
    case .crashed:
      // One alone has a second try: somebody may have killed the child.
      if part.range.count > 1 { halve(part) } else { current!.state = part.state == .again ? .culprit : .again }
    case .outOfMemory:
      // Both halves may pass, so the second is no suspect.
      if part.range.count == 1 { current!.state = .culprit } else { halve(part, holdsCulprit: false) }
    case .unavailable:
      absences += 1
      pause = absences > FailureMachine.attempts ? .hold : .wait(until: now + FailureMachine.backOff.delay(absences - 1, random: random))
    case .kept: break
    }
  }

  /// The culprit of `step` was told.
  mutating func told() { current = rest.popLast() }

  /// The culprit of `step` is not failed now: it is run again, alone.
  mutating func keep() { current?.state = .part }

  mutating func waited(_ now: Nanoseconds) {
    if case .wait(let until) = pause, now >= until { pause = .none }
  }

  mutating func held() {
    pause = .none
    absences = 0
  }

  private mutating func halve(_ part: Part, holdsCulprit: Bool = true) {
    let middle = part.range.lowerBound + part.range.count / 2
    rest.append(Part(range: middle..<part.range.upperBound, state: .part))
    current = Part(range: part.range.lowerBound..<middle, state: .part, isFirstHalf: holdsCulprit)
  }
}
