import Sheaf

/// What SIGHUP does to a worker that serves: the file is read anew, its batching parameters are obeyed by the next batch, and
/// whatever else has changed is named. A file with a fault changes nothing.
struct Reload: Sendable {
  let path: String
  let sets: [String]
  let log: @Sendable (String) -> Void
  /// What is in force.
  private var present: ServeConfiguration

  init(path: String, sets: [String], present: ServeConfiguration, log: @escaping @Sendable (String) -> Void) {
    self.path = path
    self.sets = sets
    self.present = present
    self.log = log
  }

  /// - Returns: the batching parameters to set; nil: as they are.
  mutating func run() -> BatchSettings? {
    let new: ServeConfiguration
    do {
      new = try ServeConfiguration(path: path, sets: sets, waits: false)
    } catch {
      for line in (error as? ExitError)?.lines ?? ["\(error)"] { log("not reloaded: \(line)") }
      return nil
    }
    let changed = Set(new.given.keys).union(present.given.keys).filter { new.given[$0] != present.given[$0] }.sorted()
    // A model that ran rows one at a time was not looked at for whether batches change its answers.
    let isUnchecked = present.worker.batch.maxRows == 1 && new.worker.batch.maxRows > 1 && !present.model.acceptUnsafeBatching
    func isLive(_ key: String) -> Bool { key.hasPrefix("models.batch.") && !(isUnchecked && key == "models.batch.maxRows") }
    let applied = changed.filter(isLive), later = changed.filter { !isLive($0) }
    if changed.isEmpty { log("reloaded: nothing has changed") }
    for key in applied { log("reloaded: \(key): \(new.given[key] ?? "its default"), from the next batch on") }
    if !later.isEmpty { log("not reloaded: \(later.joined(separator: ", ")): at the next start") }
    for key in applied { present.given[key] = new.given[key] }
    guard !applied.isEmpty else { return nil }
    var batch = new.worker.batch
    if isUnchecked { batch.maxRows = 1 }
    present.worker.batch = batch
    return batch
  }
}
