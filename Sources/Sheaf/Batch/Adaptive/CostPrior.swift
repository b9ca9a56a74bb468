/// What a run is taken to cost where it was never run: a + b·rows + c·rows·length + d·rows·length², none of them negative, so that
/// more never costs less. In nanoseconds.
struct CostPrior: Equatable, Sendable {
  typealias Terms = SIMD4<Double>

  /// a, b, c, d.
  var terms: Terms

  static func features(rows: Double, length: Double) -> Terms { Terms(1, rows, rows * length, rows * length * length) }

  @inline(__always) func time(rows: Double, length: Double) -> Double { (terms * CostPrior.features(rows: rows, length: length)).sum() }

  /// A first guess after one run: half of it the run's, half the tokens'.
  init(rows: Double, length: Double, time: Double) { terms = Terms(time / 2, 0, time / 2 / (rows * length), 0) }

  init(terms: Terms) { self.terms = terms }

  struct Point {
    var rows: Double
    var length: Double
    /// Nanoseconds, above 0.
    var time: Double
    var weight: Double
  }

  /// The terms that come nearest to the points, by least squares of the relative error: a run far too slow pulls little, since it
  /// counts as wrong by one at most. Starts at the present terms, and stays near where the points do not tell them apart.
  /// - Complexity: O(points).
  mutating func fit(_ points: [Point]) {
    // Normal equations of z = features / time against 1, columns scaled to unit length.
    var columns = (Terms.zero, Terms.zero, Terms.zero, Terms.zero)
    var target = Terms.zero
    for point in points {
      let z = CostPrior.features(rows: point.rows, length: point.length) / point.time
      let weighted = z * point.weight
      target += weighted
      columns.0 += weighted * z[0]
      columns.1 += weighted * z[1]
      columns.2 += weighted * z[2]
      columns.3 += weighted * z[3]
    }
    let diagonal = Terms(columns.0[0], columns.1[1], columns.2[2], columns.3[3])
    let scale = diagonal.squareRoot()
    guard scale.min() > 0, scale.max().isFinite else { return }
    let matrix: [Terms] = [
      columns.0 / scale / scale[0], columns.1 / scale / scale[1], columns.2 / scale / scale[2], columns.3 / scale / scale[3],
    ]
    let goal = target / scale
    let start = terms * scale
    let pull = 1e-3
    var solution = start
    // Coordinate descent, each coordinate kept at 0 or above.
    for _ in 0..<200 {
      var moved = 0.0
      for index in 0..<4 {
        let rest = (matrix[index] * solution).sum() - solution[index]
        let wanted: Double = (goal[index] - rest + pull * start[index]) / (1 + pull)
        let value = max(0, wanted)
        moved = max(moved, abs(value - solution[index]))
        solution[index] = value
      }
      if moved < 1e-6 * max(1e-9, solution.max()) { break }
    }
    if solution.max() > 0 { terms = solution / scale }
  }
}
