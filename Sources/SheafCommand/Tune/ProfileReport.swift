import Sheaf

/// What a run profile knows, in lines.
struct ProfileReport {
  let lines: [String]

  init(_ profile: RunProfile) {
    let measured = profile.measured
    let rows = Set(measured.map(\.shape.rows)).sorted(), lengths = Set(measured.map(\.shape.length)).sorted()
    var lines = [
      "measured     \(measured.count) shapes, \(measured.reduce(0) { $0 + $1.runs }) runs remembered; the largest batch \(profile.mostRows) rows, or \(profile.mostTokens) tokens"
    ]
    if let law = profile.law {
      let terms = zip((0..<4).map { law[$0] / 1e6 }, ["a run", "a row", "a token", "a token for each of its row"]).filter { $0.0 > 0 }
      lines.append("law          ms: \(terms.map { "\(ProfileReport.significant($0.0)) \($0.1)" }.joined(separator: " + "))")
    }
    let lanes = (2...16).filter { abs(profile.laneFactor($0) - 1) > 0.005 }
    if !lanes.isEmpty {
      lines.append("lanes        runs of \(lanes.map { "\($0) at once take \(Figures.short(profile.laneFactor($0))) ×" }.joined(separator: ", ")) one alone")
    }
    lines += ["", "ms a run, one lane; rows down, tokens of the longest across; * was measured"]
    lines += Figures.table([[""] + lengths.map { "\($0) " }] + rows.map { rows in
      ["\(rows)"] + lengths.map { length in
        let time = profile.time(rows: rows, length: length).map(Figures.milliseconds) ?? "-"
        return time + (profile.knows(rows: rows, length: length) ? "*" : " ")
      }
    })
    self.lines = lines
  }

  /// Three digits of numbers however small, without an exponent where they are not tiny.
  private static func significant(_ value: Double) -> String {
    if value >= 0.1 { return Figures.short(value) }
    let micro = value * 1000
    return micro >= 0.01 ? "\(Figures.short(micro))e-3" : "\(Figures.short(micro * 1000))e-6"
  }
}
