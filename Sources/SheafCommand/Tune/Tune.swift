import Glibc
import Sheaf
import SheafModels
import SheafONNX
import SheafTesting
import Synchronization

/// Measures a model on this machine as `TuneMachine` asks for, and keeps what was measured.
struct Tune {
  var configuration: ServeConfiguration
  var budget: Nanoseconds
  let model: OnnxModel
  private(set) var machine: TuneMachine
  let longest: Int
  let isPadded: Bool
  /// Where what was measured is kept; nil: nowhere.
  let path: String?
  private var models: [Int: OnnxModel] = [:]
  private var benches: [LaneLayout: LaneBench] = [:]

  /// Loads the model. - Parameter fresh: what was measured earlier is not used.
  init(_ given: ServeConfiguration, budget: Nanoseconds, length: Int?, fresh: Bool) throws {
    configuration = given
    self.budget = budget
    model = try configuration.loadModel()
    models[configuration.model.threads] = model
    let signature = model.signature
    isPadded = signature.inputs.contains { $0.padAxis != nil }
    longest = isPadded ? min(model.text?.maxLength ?? .max, signature.maxLength ?? 512) : 1
    var maxRows = min(signature.mostRows, 256)
    if maxRows > 1, !configuration.model.acceptUnsafeBatching, let problem = try BatchCheck(model).problem {
      Terminal.note("sheaf: \(problem); one row a run is measured (models.acceptUnsafeBatching: true would batch it)")
      maxRows = 1
    }
    if let length, length > longest {
      throw UsageError("tune: --length \(length): the model takes \(longest) at most\(isPadded ? "" : ", its rows have no length"); lower it")
    }
    let length = min(longest, length ?? 32)
    let device = configuration.model.device
    machine = TuneMachine(
      layouts: device == "cpu" ? LaneLayout.ofProcessor(Processors.available()) : LaneLayout.ofDevice(threads: configuration.model.threads),
      shapes: TuneMachine.shapes(maxRows: maxRows, longest: longest, maxTokens: max(8192, longest), length: length, isPadded: isPadded),
      length: length, target: configuration.worker.batch.adaptive.latencyTarget)
    path = ProfileStore.tuned(folder: configuration.model.profile, name: model.name, model: configuration.model.path, runtime: configuration.runtime(model), device: device)
    if !fresh, let bytes = path.flatMap { readFile($0, waits: false) } { TuneFile.read(String(decoding: bytes, as: UTF8.self)) { machine.record($0, $1) } }
  }

  /// Until all is known, the budget is spent, or `isStopped` says so.
  mutating func run(isStopped: () -> Bool) throws {
    let start = monotonicSeconds()
    var progress = TuneProgress(), saved = start
    // The first run of a shape is slow in every process anew.
    var run: Set<TuneCell> = []
    defer { progress.end() }
    if machine.progress.done > 0 { Terminal.note("sheaf: \(machine.progress.done) of \(machine.progress.of) rounds were measured earlier; --fresh begins anew") }
    while !isStopped() {
      let spent = Nanoseconds((monotonicSeconds() - start) * 1e9)
      guard spent < budget, let cell = machine.next(left: budget - spent) else { break }
      do {
        let time = try bench(cell.layout).round(cell.shape, discarding: run.insert(cell).inserted)
        machine.record(cell, time)
        progress.show(machine, cell, time)
      } catch let error as ModelOutOfMemory {
        Terminal.note("sheaf: \(cell.layout) lanes×threads, \(cell.shape.rows) × \(cell.shape.length): \(error); larger ones are left out")
        machine.fail(cell)
      }
      // What a killed process had measured is kept as well.
      if monotonicSeconds() - saved > 2 {
        save()
        saved = monotonicSeconds()
      }
    }
    save()
  }

  private func save() { if let path, !machine.rounds.isEmpty { _ = replaceFile(path, Array(TuneFile.text(machine).utf8)) } }

  private mutating func bench(_ layout: LaneLayout) throws -> LaneBench {
    if let bench = benches[layout] { return bench }
    let loaded = try models[layout.threads] ?? load(threads: layout.threads)
    models[layout.threads] = loaded
    let bench = try LaneBench(loaded, lanes: layout.lanes)
    benches[layout] = bench
    return bench
  }

  private func load(threads: Int) throws -> OnnxModel {
    var other = configuration
    other.model.threads = threads
    return try other.loadModel()
  }

  /// Adds what was measured to the profiles that a worker starts with. - Returns: their files.
  func writeProfiles() -> [String] {
    Set(machine.layouts.map(\.threads)).sorted().compactMap { threads in
      var other = configuration
      other.model.threads = threads
      let store = other.profileStore(model)
      var profile = store.read() ?? RunProfile()
      machine.teach(&profile, threads: threads)
      return store.write(profile) ? store.path : nil
    }
  }
}
