import SheafTesting

/// What is done to a run, and after how many records. Pure: the seed decides.
///
/// By progress, not by time: the faster the workers, the sooner the next blow, and there is always work left that a blow can hit.
struct Plan {
  enum Blow: Hashable {
    /// A worker is killed and replaced. - `cutOff`: a broker is out of its reach for a moment before, so that replies are on their way.
    case kill(cutOff: Bool)
    /// A worker is stopped for so many seconds.
    case stop(seconds: Double)
    /// A broker is killed, or ended in order, and comes back after so many seconds.
    case restart(inOrder: Bool, seconds: Double)
    case cut
    /// Everything between workers and brokers takes longer for so many seconds.
    case delay(milliseconds: Int, seconds: Double)
    /// One more worker joins, another leaves in order.
    case join
  }

  struct Step {
    /// Records committed.
    var after: Int
    var blow: Blow
    /// Chooses the one that is hit.
    var choice: Int
  }

  private(set) var steps: [Step] = []

  init(_ options: Options, session: Double, _ random: inout SeededGenerator) {
    var blows: [Blow] = (0..<options.kills).map { .kill(cutOff: $0 % 2 == 1) }
    blows += (0..<options.stops).map { index in
      .stop(seconds: index % 2 == 0 ? session * .random(in: 1.5...2.5, using: &random) : session * .random(in: 0.2...0.6, using: &random))
    }
    blows += (0..<options.restarts).map { .restart(inOrder: $0 % 2 == 1, seconds: .random(in: 0.5...4, using: &random)) }
    blows += (0..<options.cuts).map { index in
      index % 3 == 2 ? .delay(milliseconds: .random(in: 10...200, using: &random), seconds: .random(in: 1...3, using: &random)) : .cut
    }
    blows += Array(repeating: .join, count: options.joins)
    blows.shuffle(using: &random)
    // The last tenth is left for what takes longer than planned.
    let room = Double(options.records) * 0.9 / Double(blows.count + 1)
    steps = blows.enumerated().map { index, blow in
      Step(after: Int((Double(index + 1) + .random(in: -0.4...0.4, using: &random)) * room), blow: blow, choice: .random(in: 0..<(1 << 30), using: &random))
    }
  }

  var next: Step? { steps.first }

  mutating func removeFirst() -> Step { steps.removeFirst() }

  /// The next step changes places with the first later one that is no restart: a broker comes only when the last one is back.
  mutating func putOffRestart() {
    guard let other = steps.firstIndex(where: { if case .restart = $0.blow { false } else { true } }) else { return }
    (steps[0].blow, steps[other].blow) = (steps[other].blow, steps[0].blow)
  }
}
