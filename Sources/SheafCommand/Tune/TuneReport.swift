import Sheaf

/// What `sheaf tune` found, in lines: the tables, the frontier, the knee, what to set.
struct TuneReport {
  let tuned: TuneMachine
  let frontier: Frontier
  let recommendation: Recommendation
  /// What a row is called: texts, or rows.
  let rows: String
  let isPadded: Bool
  let model: ServeConfiguration.ModelConfiguration

  /// nil: too little was measured to say anything.
  init?(_ tuned: TuneMachine, longest: Int, isText: Bool, isPadded: Bool, model: ServeConfiguration.ModelConfiguration) {
    guard let recommendation = Recommendation(tuned, longest: longest) else { return nil }
    self.tuned = tuned
    self.recommendation = recommendation
    self.isPadded = isPadded
    self.model = model
    frontier = Frontier(tuned.pointsAtLength)
    rows = isText ? "texts" : "rows"
  }

  var lines: [String] {
    var lines = ["", "ms a run with \(words(recommendation.point.layout)); rows down\(isPadded ? ", tokens of the longest across" : "")"]
    lines += Figures.table(grid)
    lines += ["", "\(rows)/s\(ofLength) by lanes×threads; rows down, - was not measured"]
    lines += Figures.table(rates)
    lines += ["", "frontier: what gets more done costs more latency (the wait for a lane and the run, under load)"]
    lines += Figures.table([["\(rows)/s", "ms", "lanes×threads", "rows", ""]] + frontier.points.map { point in
      [Figures.short(point.throughput), Figures.milliseconds(point.latency), point.layout.description, "\(point.rows)", mark(point)]
    })
    lines += ["", knee, recommended, "", "models:"] + block
    return lines
  }

  private var grid: [[String]] {
    let points = tuned.points.filter { $0.layout == recommendation.point.layout }
    let lengths = Set(points.map(\.cell.shape.length)).sorted()
    let head = [""] + (isPadded ? lengths.map(String.init) : ["ms"])
    return [head] + Set(points.map(\.rows)).sorted().map { rows in
      ["\(rows)"] + lengths.map { length in
        points.first { $0.cell.shape == BatchShape(rows: rows, length: length) }.map { Figures.milliseconds($0.time) } ?? "-"
      }
    }
  }

  private var rates: [[String]] {
    let points = tuned.pointsAtLength
    return [[""] + tuned.layouts.map(\.description)] + Set(points.map(\.rows)).sorted().map { rows in
      ["\(rows)"] + tuned.layouts.map { layout in points.first { $0.layout == layout && $0.rows == rows }.map { Figures.short($0.throughput) } ?? "-" }
    }
  }

  func mark(_ point: OperatingPoint) -> String {
    [point == frontier.knee ? "knee" : nil, point == recommendation.point ? "recommended" : nil].compactMap(\.self).joined(separator: ", ")
  }

  /// One sentence.
  var knee: String {
    guard let knee = frontier.knee else { return "" }
    let last = frontier.points.last!
    let beyond = last == knee
      ? "more rows or lanes were not seen to cost more than they bring"
      : "from there on latency grows faster than throughput (\(Figures.short(last.throughput / knee.throughput)) × as many at most, for \(Figures.short(last.latency / knee.latency)) × the latency)"
    return "knee: \(words(knee.layout)), \(count(knee.rows)) a run, \(Figures.short(knee.throughput)) \(rows)/s within \(Figures.milliseconds(knee.latency)) ms; \(beyond)"
  }

  private var recommended: String {
    let point = recommendation.point, target = Units.text(duration: tuned.target)
    let what = "\(words(point.layout)): \(Figures.short(point.throughput)) \(rows)/s\(ofLength), \(count(point.rows)) a run, within \(Figures.milliseconds(point.latency)) ms"
    return recommendation.missesTarget ? "nothing answers within \(target); the quickest is \(what)" : "recommended within \(target): \(what)"
  }

  /// The model's entry of a configuration.
  var block: [String] {
    var lines = ["  - path: \(quoted(model.path))"]
    if model.device != "cpu" { lines.append("    devices: [\(model.device)]") }
    return lines + [
      "    lanes: \(recommendation.point.layout.lanes)",
      "    threads: \(recommendation.point.layout.threads)",
      "    batch: { policy: adaptive, latencyTarget: \(Units.text(duration: tuned.target)), maxRows: \(recommendation.maxRows), maxTokens: \(recommendation.maxTokens) }",
    ]
  }

  var ofLength: String { isPadded ? " of \(tuned.length) tokens" : "" }

  func words(_ layout: LaneLayout) -> String {
    "\(layout.lanes) lane\(layout.lanes == 1 ? "" : "s") of \(layout.threads) thread\(layout.threads == 1 ? "" : "s")"
  }

  private func count(_ rows: Int) -> String { "\(rows) row\(rows == 1 ? "" : "s")" }

  private func quoted(_ path: String) -> String {
    let isPlain = path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0)) } && path.first != "-"
    return isPlain ? path : "\"\(path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }
}
