import Glibc

/// What a run costs, learned while serving: its time over rows and longest length (and lanes that run at once), as quantiles.
///
/// A grid of cells holds what was measured, each as its last runs' ratios to a monotone prior fitted through all of them; a cell
/// with few runs is drawn to the prior, one with none to the prior and its neighbours. How far single runs stray from their cell is
/// learned over all cells: no cell alone sees enough for a 99th percentile. A lone slow first run of a shape is not believed, and
/// when run after run is off by one factor (throttling, a neighbour), everything is rescaled by it at once.
struct CostModel: Sendable {
  /// Runs a cell remembers.
  static let memory = 15
  static let lanesAtMost = 16

  struct Cell: Sendable {
    /// Runs remembered, of the last `memory`.
    var count = 0
    /// Runs ever, and where the next goes.
    var runs = 0
    /// Of its runs, decaying means.
    var rows = 0.0
    var length = 0.0
    /// log of what its runs took, over the prior's and all factors'.
    var center = 0.0
    /// What predictions use: `center`, drawn to 0.
    var factor = 1.0
  }

  private(set) var cells = [Cell](repeating: Cell(), count: ShapeGrid.cells)
  private var samples = [Float](repeating: 0, count: ShapeGrid.cells * memory)
  private(set) var prior: CostPrior?
  /// What the device has become slower by since the prior was fitted.
  private(set) var scale = 1.0
  private var laneFactors = [Double](repeating: 1, count: lanesAtMost + 1)
  private var residuals = ResidualQuantiles()
  private var recent = Recent()
  private var untilFit = 1
  /// Runs ever observed.
  private(set) var runs = 0
  /// The most rows, and rows × length, of any run: what lies far beyond is not believed.
  private(set) var mostRows = 0
  private(set) var mostTokens = 0
  /// Changes when predictions may have changed.
  private(set) var version = 0
  /// How often the device was found to have changed.
  private(set) var changes = 0

  var isEmpty: Bool { runs == 0 }

  init() {}

  /// The time of a run, in nanoseconds; 0 where nothing was ever observed. Never falls below what the prior and the cell allow.
  /// - Parameters:
  ///   - quantile: 0…1. - lanes: that run at once, with it.
  @inline(__always) func predict(rows: Int, length: Int, lanes: Int = 1, quantile: Double = 0.5) -> Double {
    guard let prior else { return 0 }
    let base = prior.time(rows: Double(rows), length: Double(length)) * cells[ShapeGrid.cell(rows: rows, length: length)].factor
    return base * scale * laneFactors[min(max(lanes, 1), CostModel.lanesAtMost)] * residuals.factor(quantile)
  }

  /// How often a shape like this was run, as far as the memory goes.
  func familiarity(rows: Int, length: Int) -> Int { cells[ShapeGrid.cell(rows: rows, length: length)].count }

  /// - Parameters:
  ///   - duration: of the run, in nanoseconds; 1 and more. - lanes: that ran at once, with it.
  mutating func observe(rows: Int, length: Int, duration: Nanoseconds, lanes: Int = 1, now: Nanoseconds = 0) {
    let rows = max(1, rows), length = max(1, length)
    let time = max(1, Double(duration))
    if prior == nil { prior = CostPrior(rows: Double(rows), length: Double(length), time: time) }
    runs += 1
    mostRows = max(mostRows, rows)
    mostTokens = max(mostTokens, rows * length)
    let index = ShapeGrid.cell(rows: rows, length: length)
    let lanes = min(max(lanes, 1), CostModel.lanesAtMost)
    let base = prior!.time(rows: Double(rows), length: Double(length)) * scale * laneFactors[lanes]
    let ratio = log(time / max(base, 1))
    let residual = ratio - log(cells[index].factor)
    if cells[index].runs >= 2 {
      if let change = recent.add(residual, sigma: residuals.sigma) { rescale(by: change) }
      residuals.add(residual)
      // Slow drift of all, and what lanes cost each other: a little of every residual, of none much. Cells move more slowly, so
      // that those which are seldom run do not seem cheap for having been run when the device was faster.
      let clipped = max(-0.2, min(0.2, residual))
      scale *= exp(0.05 * clipped)
      if lanes > 1 { laneFactors[lanes] = max(0.5, min(16, laneFactors[lanes] * (1 + 0.03 * clipped))) }
    }
    record(ratio, cell: index, rows: rows, length: length)
    untilFit -= 1
    if untilFit <= 0 { fit() }
  }

  /// What lanes cost each other, where it was measured beside single runs; learned from single residuals it would take hundreds.
  mutating func set(laneFactor: Double, lanes: Int) {
    guard lanes > 1 else { return }
    laneFactors[min(lanes, CostModel.lanesAtMost)] = max(0.5, min(16, laneFactor))
    version &+= 1
  }

  func laneFactor(_ lanes: Int) -> Double { laneFactors[min(max(lanes, 1), CostModel.lanesAtMost)] }

  private mutating func record(_ ratio: Double, cell index: Int, rows: Int, length: Int) {
    samples[index * CostModel.memory + cells[index].runs % CostModel.memory] = Float(ratio)
    cells[index].runs += 1
    cells[index].count = min(CostModel.memory, cells[index].count + 1)
    let share = 1 / Double(cells[index].count)
    cells[index].rows += (Double(rows) - cells[index].rows) * share
    cells[index].length += (Double(length) - cells[index].length) * share
    cells[index].center = center(index)
    settle(index)
    version &+= 1
  }

  /// The median of a cell's last runs; of the first two the lower, and of one alone no more than a little above the prior: the first run of a
  /// shape is the slow one.
  private func center(_ index: Int) -> Double {
    let cell = cells[index]
    func sample(_ age: Int) -> Float { samples[index * CostModel.memory + (cell.runs - 1 - age) % CostModel.memory] }
    switch cell.count {
    case 1: return Double(max(-1, min(0.1, sample(0))))
    case 2: return Double(min(sample(0), sample(1)))
    default:
      return withUnsafeTemporaryAllocation(of: Float.self, capacity: cell.count) { sorted in
        for age in 0..<cell.count {
          let value = sample(age)
          var place = age
          while place > 0, sorted[place - 1] > value {
            sorted[place] = sorted[place - 1]
            place -= 1
          }
          sorted[place] = value
        }
        let middle = cell.count / 2
        return Double(cell.count & 1 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2)
      }
    }
  }

  private mutating func settle(_ index: Int) {
    let cell = cells[index]
    cells[index].factor = exp(cell.center * Double(cell.count) / (Double(cell.count) + 1))
  }

  /// Run after run was off by a factor: the device has changed. What is remembered counts less from here on.
  private mutating func rescale(by change: Double) {
    scale *= exp(change)
    changes += 1
    for index in cells.indices where cells[index].count > 5 { cells[index].count = 5 }
    version &+= 1
  }

  /// Fits the prior anew through the cells, and restates them over it.
  private mutating func fit() {
    // Often at first, seldom later.
    untilFit = max(1, min(64, runs / 4))
    guard let old = prior else { return }
    var points: [CostPrior.Point] = []
    for cell in cells where cell.count > 0 {
      let time = old.time(rows: cell.rows, length: cell.length) * scale * exp(cell.center)
      let count = Double(cell.count)
      points.append(.init(rows: cell.rows, length: cell.length, time: max(1, time), weight: cell.count == 1 ? 0.1 : count / (count + 2)))
    }
    var new = old
    new.terms *= scale
    new.fit(points)
    for index in cells.indices where cells[index].count > 0 {
      let cell = cells[index]
      let shift = log(old.time(rows: cell.rows, length: cell.length) * scale / new.time(rows: cell.rows, length: cell.length))
      for sample in 0..<CostModel.memory { samples[index * CostModel.memory + sample] += Float(shift) }
      cells[index].center = center(index)
      settle(index)
    }
    prior = new
    scale = 1
    spread()
    version &+= 1
  }

  /// Cells that were never run take after their nearest neighbours, the less the farther.
  private mutating func spread() {
    let columns = ShapeGrid.lengthClasses
    var distance = cells.map { $0.count > 0 ? 0 : Int.max / 2 }
    var from = cells.map(\.center)
    func take(_ index: Int, _ neighbour: Int) {
      guard distance[neighbour] + 1 < distance[index] else { return }
      distance[index] = distance[neighbour] + 1
      from[index] = from[neighbour]
    }
    for index in cells.indices {
      if index % columns > 0 { take(index, index - 1) }
      if index >= columns { take(index, index - columns) }
    }
    for index in cells.indices.reversed() {
      if index % columns < columns - 1 { take(index, index + 1) }
      if index + columns < cells.count { take(index, index + columns) }
    }
    for index in cells.indices where cells[index].count == 0 {
      cells[index].center = 0
      cells[index].factor = distance[index] > 64 ? 1 : exp(from[index] * pow(0.8, Double(distance[index])))
    }
  }

  /// The last residuals of well-known cells: nearly all on one side and far from 0 means that the device has changed. Two that are
  /// far off, by the measure of what runs usually stray, do too: eight runs planned for twice the speed would all be late.
  private struct Recent: Sendable {
    private static let span = 8
    private var values: [Double] = []

    /// A factor's logarithm, once it is sure.
    mutating func add(_ residual: Double, sigma: Double) -> Double? {
      values.append(residual)
      if values.count > Recent.span { values.removeFirst() }
      if values.count >= 2 {
        let (one, other) = (values[values.count - 2], residual), far = max(0.4, 6 * sigma)
        if min(abs(one), abs(other)) > far, one * other > 0 {
          values.removeAll(keepingCapacity: true)
          return abs(one) < abs(other) ? one : other
        }
      }
      guard values.count == Recent.span else { return nil }
      let sorted = values.sorted()
      let median = (sorted[3] + sorted[4]) / 2
      let edge = median > 0 ? sorted[1] : sorted[6]
      guard abs(median) > max(0.18, 2 * sigma), median * edge > 0, abs(edge) > 0.1 else { return nil }
      values.removeAll(keepingCapacity: true)
      return median
    }
  }
}

// MARK: - On disk

extension CostModel {
  private static let magic: [UInt8] = [0x53, 0x43, 0x4d, 2]  // "SCM", version 2: cells of 54 lengths.

  /// What a later process begins with: the prior, and what each cell knows. Some kilobytes.
  func encode() -> [UInt8] {
    var bytes = CostModel.magic
    func put(_ value: UInt64) { for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(shift)))) } }
    func put(_ value: Double) { put(value.bitPattern) }
    let terms = prior?.terms ?? .zero
    for index in 0..<4 { put(terms[index] * scale) }
    for factor in laneFactors { put(factor) }
    put(UInt64(mostRows))
    put(UInt64(mostTokens))
    let known = cells.indices.filter { cells[$0].count > 0 }
    put(UInt64(known.count))
    for index in known {
      put(UInt64(index) | UInt64(cells[index].count) << 32)
      put(cells[index].rows)
      put(cells[index].length)
      put(cells[index].center)
    }
    put(fnv1a(bytes[...]))
    return bytes
  }

  /// nil where the bytes are not a whole, valid profile of this version.
  init?(decoding bytes: [UInt8]) {
    guard bytes.count >= 12, Array(bytes.prefix(4)) == CostModel.magic else { return nil }
    var place = 4
    func next() -> UInt64? {
      guard place + 8 <= bytes.count else { return nil }
      defer { place += 8 }
      return (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
    }
    func number(_ range: ClosedRange<Double>) -> Double? {
      guard let value = next().map(Double.init(bitPattern:)), range.contains(value) else { return nil }
      return value
    }
    self.init()
    var terms = CostPrior.Terms.zero
    for index in 0..<4 {
      guard let term = number(0...1e18) else { return nil }
      terms[index] = term
    }
    for index in laneFactors.indices {
      guard let factor = number(0.01...1000) else { return nil }
      laneFactors[index] = factor
    }
    guard let rows = next(), let tokens = next(), let count = next(), rows < 1 << 40, tokens < 1 << 50, count <= ShapeGrid.cells else { return nil }
    mostRows = Int(rows)
    mostTokens = Int(tokens)
    for _ in 0..<count {
      guard let head = next(), let rows = number(1...1e12), let length = number(1...1e12), let center = number(-30...30) else { return nil }
      let index = Int(head & 0xffff_ffff), held = Int(head >> 32)
      guard index < ShapeGrid.cells, held >= 1 else { return nil }
      // Few enough that the first runs of this process soon outweigh them.
      cells[index].count = min(held, 5)
      cells[index].runs = cells[index].count
      cells[index].rows = rows
      cells[index].length = length
      cells[index].center = center
      for sample in 0..<CostModel.memory { samples[index * CostModel.memory + sample] = Float(center) }
      settle(index)
    }
    guard place + 8 == bytes.count, let sum = next(), sum == fnv1a(bytes[..<(bytes.count - 8)]) else { return nil }
    guard terms.max() > 0 else {
      guard count == 0 else { return nil }
      self.init()
      return
    }
    prior = CostPrior(terms: terms)
    runs = Int(count)
    spread()
  }
}
