/// The points that no other is better than, in both throughput and latency; from the quickest to the one that gets most done.
public struct Frontier: Sendable {
  public let points: [OperatingPoint]

  /// - Parameter gain: a slower point has to get this much more done, as a share, to be worth a place: less is noise.
  public init(_ all: [OperatingPoint], gain: Double = 0.01) {
    var kept: [OperatingPoint] = []
    for point in all.sorted(by: { ($0.latency, -$0.throughput) < ($1.latency, -$1.throughput) })
    where point.throughput > (kept.last?.throughput ?? 0) * (1 + gain) { kept.append(point) }
    points = kept
  }

  /// Where throughput over latency (Kleinrock's power) is greatest: up to here more rows a run win more in throughput than they cost in
  /// latency, from here on less. nil: there are no points.
  public var knee: OperatingPoint? { points.max { $0.throughput / $0.latency < $1.throughput / $1.latency } }

  /// The most that gets done within `target` nanoseconds; nil: nothing is that quick.
  public func best(within target: Nanoseconds) -> OperatingPoint? { points.last { $0.latency <= Double(target) } }
}

/// What to set, after what was measured.
public struct Recommendation: Sendable, Hashable {
  /// At the length the frontier is drawn at.
  public var point: OperatingPoint
  /// No point is quicker than the target; `point` is the quickest.
  public var missesTarget: Bool
  /// The most rows, and rows × length, that were seen to be answered within the target: bounds for an adaptive policy.
  public var maxRows: Int
  public var maxTokens: Int

  /// - Parameter longest: the longest row, which has to fit a batch.
  public init?(_ tuned: TuneMachine, longest: Int) {
    let frontier = Frontier(tuned.pointsAtLength)
    guard let point = frontier.best(within: tuned.target) ?? frontier.points.first else { return nil }
    self.point = point
    missesTarget = point.latency > Double(tuned.target)
    let within = tuned.points.filter { $0.layout == point.layout && $0.latency <= Double(tuned.target) }
    maxRows = max(point.rows, within.map(\.rows).max() ?? 1)
    maxTokens = max(longest, point.cell.tokens, within.map(\.cell.tokens).max() ?? 1)
  }
}
