/// For each length bucket, what the cost model says about batches of it; worked out when asked for, again when the model has
/// learned.
struct ShapeTable: Sendable {
  struct Entry: Sendable {
    fileprivate var version = -1
    /// The most rows within the bounds, the target's share and what may be believed.
    var mostRows = 1
    /// The rows at which a row costs least.
    var bestRows = 1
    /// Nanoseconds a row then costs: what a row of this length is worth.
    var value = 1.0
  }

  private var entries = [Entry](repeating: Entry(), count: LengthBuckets.count)
  private var version = 0

  /// Forgets all, where bounds have changed.
  mutating func invalidate() { version += 1 }

  @inline(__always) mutating func entry(_ bucket: Int, _ model: CostModel, _ limits: BatchLimits) -> Entry {
    let now = model.version >> 4 &* 31 &+ version
    if entries[bucket].version != now { entries[bucket] = ShapeTable.work(out: bucket, model, limits, version: now) }
    return entries[bucket]
  }

  private static func work(out bucket: Int, _ model: CostModel, _ limits: BatchLimits, version: Int) -> Entry {
    var entry = Entry(version: version)
    let length = LengthBuckets.longest(bucket)
    var best = Double.infinity
    let most = limits.rows(length: length, model)
    for sizeClass in 0..<ShapeGrid.rowClasses {
      let rows = min(ShapeGrid.size(sizeClass), most)
      if rows > 1, model.predict(rows: rows, length: length, lanes: limits.lanes) > limits.runTime { break }
      let cost = model.predict(rows: rows, length: length, lanes: limits.lanes) / Double(rows)
      // Only a batch that is cheaper for certain is worth being larger.
      if cost < best * 0.998 {
        best = cost
        entry.bestRows = rows
      }
      entry.mostRows = rows
      if rows == most { break }
    }
    entry.value = max(best, 1)
    return entry
  }
}

/// What bounds a batch.
struct BatchLimits: Sendable {
  var settings: BatchSettings
  /// What a run may be expected to take at most, in nanoseconds.
  var runTime: Double
  /// That are taken to run at once.
  var lanes = 1

  /// The most rows of a length within the settings, and no more than twice what was ever run: what was never run is not believed.
  func rows(length: Int, _ model: CostModel) -> Int {
    let believed = min(max(2, model.mostRows * 2), max(2, model.mostTokens * 2 / max(1, length)))
    return max(1, min(settings.maxRows, settings.tokenBound / max(1, length), believed))
  }
}
