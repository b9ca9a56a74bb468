/// Decides what to measure next, and holds what was measured. Pure: it is told times and how much of the budget is left.
///
/// Cells are measured in rounds, interleaved: every cell once before any is measured again, so that a noisy minute falls on all and
/// the median over rounds leaves it out. The shapes that the frontier is drawn from are two rounds ahead of the others. Small shapes
/// come first and predict the large ones: what would run longer than twice the target, or than what is left, is not run.
public struct TuneMachine: Sendable {
  /// Rounds after which a cell is known.
  public static let enough = 5

  public let layouts: [LaneLayout]
  public let shapes: [BatchShape]
  /// That the frontier is drawn at.
  public let length: Int
  /// What an answer may take, in nanoseconds.
  public let target: Nanoseconds
  /// The rounds' medians, in nanoseconds.
  public private(set) var rounds: [TuneCell: [Nanoseconds]] = [:]
  private var failed: Set<TuneCell> = []
  /// What was learned of each layout, for predictions.
  private var learned: [LaneLayout: RunProfile] = [:]

  public init(layouts: [LaneLayout], shapes: [BatchShape], length: Int, target: Nanoseconds) {
    self.layouts = layouts
    self.shapes = shapes
    self.length = length
    self.target = target
  }

  /// The shapes worth measuring: those of the warm-up's grid, of lengths from 8 on, and of every number of rows at `length`.
  /// - Parameter isPadded: rows have lengths; otherwise there is one length, 1.
  public static func shapes(maxRows: Int, longest: Int, maxTokens: Int, length: Int, isPadded: Bool) -> [BatchShape] {
    let grid = WarmUp.grid(maxRows: maxRows, maxLength: isPadded ? longest : 1, maxTokens: maxTokens)
    guard isPadded else { return grid }
    let rows = Set(grid.map(\.rows)).filter { $0 == 1 || $0 * length <= maxTokens }
    return Array(Set(grid.filter { $0.length >= min(8, longest) } + rows.map { BatchShape(rows: $0, length: length) }))
  }

  /// What to measure next; nil: all is known that the target and the budget let be known. - Parameter left: of the budget.
  public func next(left: Nanoseconds) -> TuneCell? {
    var best: (key: (Int, Int, Int), cell: TuneCell)?
    for shape in shapes {
      for (place, layout) in layouts.enumerated() {
        let cell = TuneCell(layout, shape)
        guard isWanted(cell, left: left) else { continue }
        let key = ((rounds[cell]?.count ?? 0) + (shape.length == length ? 0 : 2), cell.tokens, place)
        if best == nil || key < best!.key { best = (key, cell) }
      }
    }
    return best?.cell
  }

  private func isWanted(_ cell: TuneCell, left: Nanoseconds) -> Bool {
    let count = rounds[cell]?.count ?? 0
    guard left > 0, count < TuneMachine.enough, !failed.contains(where: { $0.layout.threads == cell.layout.threads && $0.shape.rows <= cell.shape.rows && $0.shape.length <= cell.shape.length })
    else { return false }
    guard let expected = expected(cell) else { return true }
    // The first run of a shape is not counted, so the first round takes two.
    guard expected * (count == 0 ? 2 : 1) <= Double(left) else { return false }
    // Of a cell that seems too slow after a round or two, its neighbours may know better.
    let believed = count < 3 ? min(expected, learned[cell.layout]?.time(rows: cell.shape.rows, length: cell.shape.length) ?? expected) : expected
    return believed <= 2 * Double(target) || cell.shape.rows == 1 && cell.shape.length == length
  }

  /// What a run is expected to take, in nanoseconds; nil: nothing is known of its layout.
  public func expected(_ cell: TuneCell) -> Double? {
    time(cell) ?? learned[cell.layout]?.time(rows: cell.shape.rows, length: cell.shape.length)
  }

  /// One round's median, in nanoseconds.
  public mutating func record(_ cell: TuneCell, _ time: Nanoseconds) {
    rounds[cell, default: []].append(max(1, time))
    learned[cell.layout, default: RunProfile()].observe(rows: cell.shape.rows, length: cell.shape.length, time: max(1, time))
  }

  /// It cannot be run (memory, for one): nor can what is larger.
  public mutating func fail(_ cell: TuneCell) { failed.insert(cell) }

  /// What a run takes: the median over its rounds, in nanoseconds; nil: not measured.
  public func time(_ cell: TuneCell) -> Double? { rounds[cell].flatMap { $0.isEmpty ? nil : median($0.map { Double($0) }) } }

  /// What was measured of these shapes and layouts.
  public var points: [OperatingPoint] {
    layouts.flatMap { layout in shapes.compactMap { shape in time(TuneCell(layout, shape)).map { OperatingPoint(TuneCell(layout, shape), time: $0) } } }
      .sorted { ($0.cell.shape.length, $0.rows) < ($1.cell.shape.length, $1.rows) }
  }

  /// Those that the frontier is drawn from.
  public var pointsAtLength: [OperatingPoint] { points.filter { $0.cell.shape.length == length } }

  /// Rounds measured, and those that would be in all as far as is known now.
  public var progress: (done: Int, of: Int) {
    let cells = layouts.flatMap { layout in shapes.map { TuneCell(layout, $0) } }
    let done = cells.reduce(0) { $0 + min(TuneMachine.enough, rounds[$1]?.count ?? 0) }
    return (done, done + cells.filter { isWanted($0, left: .max) }.reduce(0) { $0 + TuneMachine.enough - (rounds[$1]?.count ?? 0) })
  }

  /// Fewest rounds of any point that the frontier is drawn from; below 3 a median leaves no noise out.
  public var fewestRounds: Int { pointsAtLength.map { rounds[$0.cell]?.count ?? 0 }.min() ?? 0 }

  /// Adds what was measured with so many threads a run to a profile: one lane's runs first, then what more lanes cost each other.
  public func teach(_ profile: inout RunProfile, threads: Int) {
    for layout in layouts.filter({ $0.threads == threads }).sorted(by: { $0.lanes < $1.lanes }) {
      let cells = shapes.map { TuneCell(layout, $0) }.filter { rounds[$0] != nil }.sorted { $0.tokens < $1.tokens }
      let ratios = cells.compactMap { cell in
        time(TuneCell(LaneLayout(lanes: 1, threads: threads), cell.shape)).map { time(cell)! / $0 }
      }
      // More than one after the other would take is noise.
      if layout.lanes > 1, !ratios.isEmpty { profile.set(laneFactor: min(Double(layout.lanes), median(ratios)), lanes: layout.lanes) }
      for round in 0..<TuneMachine.enough {
        for cell in cells where rounds[cell]!.count > round {
          profile.observe(rows: cell.shape.rows, length: cell.shape.length, time: rounds[cell]![round], lanes: layout.lanes)
        }
      }
    }
  }
}

/// - Precondition: not empty.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return (sorted[sorted.count / 2] + sorted[(sorted.count - 1) / 2]) / 2
}
