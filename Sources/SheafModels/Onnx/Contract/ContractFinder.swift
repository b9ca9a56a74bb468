import Sheaf
import SheafONNX

/// Finds out by trying how rows become a batch of a model: runs one, two and three made-up rows and several lengths, and sees which
/// axes follow which, what goes together, what all rows share, and whether a row's answer changes with its company. Declared names
/// decide only what is tried first. The same model gives the same contract every time.
struct ContractFinder {
  let inputs: [TensorInfo]
  private let types: [ElementType]
  let outputs: [TensorInfo]
  let overrides: [String: TensorOverride]
  let hints: ContractHints
  let trials: ContractTrials
  private var classes: AxisClasses
  var notes: [String] = []

  /// - Parameter kept: indices of the session's outputs that are wanted.
  /// - Throws: `ConfigurationError` where a type is not supported, or an override does not fit.
  init(_ session: Session, kept: [Int], overrides: [String: TensorOverride], hints: ContractHints, path: String) throws {
    inputs = session.inputs
    outputs = kept.map { session.outputs[$0] }
    for tensor in inputs + outputs where ElementType(tensor.type) == nil || tensor.mapKey != nil && inputs.contains(tensor) {
      throw refused(path, "\(tensor.name) is of type \(tensor.typeName), which requests and replies cannot carry", inputs.contains(tensor)
        ? "export the model with tensors of numbers, booleans or strings" : "name the other outputs in models.outputs")
    }
    types = inputs.map { ElementType($0.type)! }
    try TensorOverride.check(overrides, session.inputs, outputs, path)
    self.overrides = overrides
    self.hints = hints
    trials = ContractTrials(session, kept: kept)
    classes = AxisClasses(inputs)
  }

  // MARK: The way

  mutating func find() throws -> ModelContract {
    var chosen: Attempt?
    for candidate in RowAxes.candidates(inputs, classes, overrides: overrides) {
      guard let attempt = try attempt(candidate) else { continue }
      if chosen == nil || attempt.rank < chosen!.rank { chosen = attempt }
      if attempt.rank == 0 || attempt.rank == 1 && isNamed(candidate) { break }
    }
    guard var found = chosen, found.verdict != .whole else { return whole(chosen) }
    try joinClasses(&found)
    // Rows that work upon each other by what the model is, not by how it was quantised, are one request's, and stay with it.
    if case .coupled(let coupling) = found.verdict, !hints.acceptsUnsafe, coupling.cause.isEmpty || found.rowAxes.fixed != nil {
      joinRows(found.rowAxes)
      var contract = whole(found)
      if found.rowAxes.fixed == nil { contract.coupling = coupling }
      return contract
    }
    // Where not even two run, what seems a row may be a part of one; texts are rows.
    if case .alone = found.verdict, found.rowAxes.fixed == nil, idsName == nil { return whole(found) }
    try follow(&found)
    var contract = contract(found)
    try pad(&contract, found)
    describe(&contract, found)
    contract.runs = trials.runs
    return contract
  }

  private func isNamed(_ candidate: RowAxes) -> Bool {
    candidate.axes.enumerated().contains { input, axis in axis.flatMap { classes.name(input, $0) }.map(AxisClasses.isCalledBatch) ?? false }
  }

  // MARK: Rows

  /// An idea of how rows are stacked, and what came of trying it.
  struct Attempt {
    enum Verdict: Equatable {
      case rows
      /// In company answers change.
      case coupled(ModelContract.Coupling)
      /// Two rows do not run.
      case alone(String)
      /// Outputs are one answer to all that was sent.
      case whole
    }
    var rowAxes: RowAxes
    var example: RowExample
    var roles: [OutputRole]
    var verdict: Verdict
    /// Shapes of the outputs of one row.
    var shapes: [[Int]]
        /// Extents of an open class that work beside the example's, and the outputs' shapes then.
    var variations: [String: (extent: Int, shapes: [[Int]])] = [:]
    var isRandom = false
    var samples: [[RowTrial.Answer]] = []
    /// What the elements of outputs' last axes are called; empty where they have no names.
    var keys: [[String]] = []

    /// Less is better.
    var rank: Int {
      switch verdict {
      case .rows: 0
      case .coupled: 1
      case .alone: 2
      case .whole: 3
      }
    }
  }

  private func attempt(_ rowAxes: RowAxes) throws -> Attempt? {
    guard var example = try findExample(rowAxes) else { return nil }
    try raiseLimits(&example, rowAxes)
    guard var result = try compare(rowAxes, example) else { return nil }
    guard result.verdict == .rows, hasSharedIntegers(rowAxes) else { return result }
    // What all rows share may say which axis is summed along, for one: rows have to stand for themselves whatever it says.
    for value in [0, 1, 2, -1] {
      example.sharedValue = value
      guard let other = try compare(rowAxes, example), other.verdict != .rows || other.roles != result.roles else { continue }
      if case .alone = other.verdict { continue }
      result.verdict = .whole
      result.roles = result.roles.map { $0 == .shared ? .shared : .whole }
      break
    }
    return result
  }

  private func hasSharedIntegers(_ rowAxes: RowAxes) -> Bool {
    specs(rowAxes).contains { $0.batchAxis == nil && $0.source == .request && ($0.type.isInteger || $0.type == .bool) }
  }

  /// Runs rows alone and in company. - Returns: nil: the model does not take them.
  private func compare(_ rowAxes: RowAxes, _ example: RowExample) throws -> Attempt? {
    let trial = trials.trial(trials.signature(specs(rowAxes), example, fixedRows: rowAxes.fixed))
    let rows = (0..<(rowAxes.fixed.map { max(2, $0) } ?? 3)).map { _ in trial.row() }
    var alone: [[RowTrial.Answer]] = []
    for row in rows.prefix(3) {
      guard let answers = try trials.whole(trial, [row]) else { return nil }
      alone.append(answers)
    }
    guard let again = try trials.whole(trial, [rows[0]]) else { return nil }
    let tolerances = outputs.map { Tolerance(ElementType($0.type)!, isHalf: hints.isHalf) }
    var result = Attempt(rowAxes: rowAxes, example: example, roles: [], verdict: .rows, shapes: alone[0].map(\.shape))
    result.isRandom = outputs.indices.contains { !tolerances[$0].compare(again[$0], alone[0][$0]).isWithin }
    result.samples = alone

    // What is missing of a fixed number is filled up with the row itself.
    var runs = alone.enumerated().map { row, answers in (rows: Array(repeating: row, count: rowAxes.fixed ?? 1), answers: answers) }
    for order in ContractFinder.orders(rows.count, fixed: rowAxes.fixed) {
      guard let answers = try trials.whole(trial, order.map { rows[$0] }) else {
        result.verdict = .alone(trials.lastError)
        break
      }
      runs.append((order, answers))
    }
    if rowAxes.fixed == 1 { result.verdict = .alone("the model was exported for one row") }
    result.keys = trials.keys
    let isAlone = result.verdict != .rows
    for index in outputs.indices {
      let override = overrides[outputs[index].name]
      if override?.shared == true {
        result.roles.append(.shared)
      } else if isAlone {
        note(.init(role: roleAlone(alone.map { $0[index] }, index, tolerances[index], override?.batchAxis), difference: nil), of: index, &result)
      } else {
        let comparison = OutputComparison(runs: runs.map { .init(rows: $0.rows, answer: $0.answers[index]) }, isFixed: rowAxes.fixed != nil, tolerance: tolerances[index])
        note(comparison.finding(axis: override?.batchAxis), of: index, &result)
      }
    }
    // Without rows in an output there is nothing to run together.
    if !result.roles.contains(where: { if case .rows = $0 { true } else { false } }) { result.verdict = .whole }
    // Whole numbers hide what the quantisers do, until it turns one over.
    if result.verdict == .rows, !hints.quantisers.isEmpty, !outputs.contains(where: { ElementType($0.type)!.isFloat }) {
      result.verdict = .coupled(coupling(0, nil))
    }
    return result
  }

  /// Rows in company, in which each is in several places.
  private static func orders(_ count: Int, fixed: Int?) -> [[Int]] {
    guard let fixed else { return [[0, 1], [0, 1, 2], [2, 1, 0]] }
    if fixed == 1 { return [] }
    let all = Array(0..<count)
    return [all, all.reversed(), all.map { ($0 + 1) % count }]
  }

  private func note(_ finding: OutputComparison.Finding, of index: Int, _ result: inout Attempt) {
    // That a few rows gave the same is no proof: no row's values may reach what all share.
    let role = finding.role == .shared && !hints.constantOutputs.contains(outputs[index].name) ? .whole : finding.role
    result.roles.append(role)
    if role == .whole { result.verdict = .whole }
    // What is never the same says nothing about company.
    guard let difference = finding.difference, result.verdict == .rows, !result.isRandom else { return }
    result.verdict = .coupled(coupling(index, difference))
  }

  private func coupling(_ index: Int, _ difference: Double?) -> ModelContract.Coupling {
    ModelContract.Coupling(output: outputs[index].name, difference: difference, cause: hints.quantisers.joined(separator: ", "))
  }

  /// What an output of single rows is: an axis of one, or the same for every row.
  private func roleAlone(_ answers: [RowTrial.Answer], _ index: Int, _ tolerance: Tolerance, _ axis: Int?) -> OutputRole {
    if answers.allSatisfy({ tolerance.compare($0, answers[0]).isWithin }), axis == nil, answers[0].shape.first != 1 { return .shared }
    let axis = axis ?? 0
    if outputs[index].shape.indices.contains(axis), case .fixed(let extent) = outputs[index].shape[axis], extent != 1 { return .whole }
    return answers.allSatisfy { $0.shape.count > axis && $0.shape[axis] == 1 && $0.shape == answers[0].shape } ? .rows(axis: axis) : .whole
  }

  // MARK: What rows have to be like

  /// Extents of open axes that a row of ones runs with.
  private func findExample(_ rowAxes: RowAxes) throws -> RowExample? {
    let open = openClasses(rowAxes)
    var example = RowExample()
    for input in inputs { example.limits[input.name] = 2 }
    func runs() throws -> Bool {
      guard isReasonable(example, rowAxes) else { return false }
      let trial = trials.trial(trials.signature(specs(rowAxes), example, fixedRows: rowAxes.fixed))
      return try trials.whole(trial, [trial.row()]) != nil
    }
    if open.isEmpty { return try runs() ? example : nil }
    for size in ContractFinder.sizes {
      for name in open { example.extents[name] = size }
      if try runs() { return example }
    }
    guard open.count == 2 else { return nil }
    for first in ContractFinder.pairSizes {
      for second in ContractFinder.pairSizes where second != first {
        (example.extents[open[0]], example.extents[open[1]]) = (first, second)
        if try runs() { return example }
      }
    }
    return nil
  }

  /// Short ones first; then what images, frames of audio and their windows are made of.
  private static let sizes = [8, 1, 2, 3, 4, 16, 32, 48, 64, 80, 128, 224, 256, 320, 400, 512, 576, 640, 1024, 1600, 2048, 4096, 8000, 16_000, 32_000, 48_000]
  private static let pairSizes = [32, 8, 48, 1, 16, 64, 80, 100, 128, 224, 320]

  /// Not so large that a run would take the machine's memory: ids are short, and no input is beyond 16 MiB or so.
  private func isReasonable(_ example: RowExample, _ rowAxes: RowAxes) -> Bool {
    specs(rowAxes).allSatisfy { spec in
      let extents = spec.openAxes.map { axis in if case .symbolic(let name) = spec.shape[axis] { example.extents[name] ?? 1 } else { 1 } }
      let most = spec.type.isInteger ? 1024 : 1 << 21
      return extents.reduce(1) { min(most + 1, $0.multipliedReportingOverflow(by: $1).overflow ? .max : $0 * $1) } <= most
    }
  }

  /// Finds how large integers may be, each input by itself: the rows of a table, a vocabulary.
  private func raiseLimits(_ example: inout RowExample, _ rowAxes: RowAxes) throws {
    let specs = specs(rowAxes)
    func shapes(_ example: RowExample) throws -> [[Int]]? {
      let trial = trials.trial(trials.signature(specs, example, fixedRows: rowAxes.fixed))
      return try trials.whole(trial, [trial.extremeRow()])?.map(\.shape)
    }
    guard let before = try shapes(example) else { return }
    for spec in specs where spec.type.isInteger && spec.source == .request {
      var limits = spec.type.size == 1 ? [8, 100] : [3, 8, 24, 60, 200, 1000]
      if spec.name == idsName, let vocabulary = hints.vocabulary { limits.insert(vocabulary, at: 0) }
      for limit in limits {
        let known = example.limits[spec.name]
        example.limits[spec.name] = limit
        // Where shapes follow it, it says how large something is to be: not to be raised.
        if let now = try shapes(example), now == before {
          if limit == hints.vocabulary { break }
          continue
        }
        example.limits[spec.name] = known
        if limit != hints.vocabulary { break }
      }
    }
  }

  private func openClasses(_ rowAxes: RowAxes) -> [String] {
    classes.names.filter { name in classes.axes(name).contains { rowAxes.axes[$0.input] != $0.axis } }
  }

  // MARK: Extents that go together

  /// Classes whose extents have to be the same become one.
  private mutating func joinClasses(_ attempt: inout Attempt) throws {
    // What another extent is refused for alone goes together with others: with as few as do.
    var stuck = try openClasses(attempt.rowAxes).filter { try vary([$0], attempt) == nil }
    while stuck.count > 1 {
      let name = stuck.removeFirst()
      guard let others = try company(of: name, among: stuck, attempt) else { continue }
      for other in others {
        classes.join(name, other)
        attempt.example.extents[other] = nil
      }
      stuck.removeAll(where: others.contains)
    }
  }

  /// The axes along which rows lie have one extent.
  private mutating func joinRows(_ rowAxes: RowAxes) {
    let names = rowAxes.axes.enumerated().compactMap { input, axis in axis.flatMap { classes.name(input, $0) } }
    for name in names.dropFirst() where name != names[0] && classes.names.contains(name) { classes.join(names[0], name) }
  }

  /// The fewest other classes that have to have an extent for this one to have it; `nil`: it cannot have another.
  private func company(of name: String, among others: [String], _ attempt: Attempt) throws -> [String]? {
    for count in 1...min(4, others.count) {
      for chosen in ContractFinder.choices(of: count, from: others) where try vary([name] + chosen, attempt) != nil { return chosen }
    }
    guard others.count > 4, try vary([name] + others, attempt) != nil else { return nil }
    return others
  }

  private static func choices(of count: Int, from names: [String]) -> [[String]] {
    guard count > 0 else { return [[]] }
    return names.indices.flatMap { place in choices(of: count - 1, from: Array(names[(place + 1)...])).map { [names[place]] + $0 } }
  }

  /// Which output axes follow which class of input axes.
  private mutating func follow(_ attempt: inout Attempt) throws {
    for name in openClasses(attempt.rowAxes) { attempt.variations[name] = try vary([name], attempt) }
  }

  /// Other extents of these classes that the model takes, and the outputs' shapes then; `nil`: none was found.
  private func vary(_ names: [String], _ attempt: Attempt) throws -> (extent: Int, shapes: [[Int]])? {
    let present = attempt.example.extents[names[0]] ?? RowExample.anyExtent
    for extent in [present * 2, max(1, present / 2), present + 1, present * 3] where extent != present {
      var example = attempt.example
      for name in names { example.extents[name] = extent }
      let trial = trials.trial(trials.signature(specs(attempt.rowAxes), example, fixedRows: attempt.rowAxes.fixed))
      if let answers = try trials.whole(trial, [trial.row()]) { return (extent, answers.map(\.shape)) }
    }
    return nil
  }

  // MARK: Specs

  static let masks: Set = ["attention_mask", "input_mask"]
  static let zeros: Set = ["token_type_ids", "segment_ids"]

  /// The input that takes ids of texts, by its name or because it is the first list of integers.
  var idsName: String? {
    let derived = ContractFinder.masks.union(ContractFinder.zeros)
    func isList(_ index: Int) -> Bool { inputs[index].shape.count >= 2 && (types[index] == .int64 || types[index] == .int32) }
    if let named = inputs.indices.first(where: { inputs[$0].name == "input_ids" && isList($0) }) { return inputs[named].name }
    return inputs.indices.first { inputs[$0].shape.count == 2 && isList($0) && !derived.contains(inputs[$0].name) && overrides[inputs[$0].name]?.constant == nil && overrides[inputs[$0].name]?.mask == nil }
      .map { inputs[$0].name }
  }

  private func source(_ index: Int) -> TensorSpec.Source {
    let input = inputs[index]
    if let constant = overrides[input.name]?.constant { return .constant(constant) }
    if let masked = overrides[input.name]?.mask { return .mask(of: masked) }
    guard let ids = idsName.flatMap({ name in inputs.first { $0.name == name } }), ids.name != input.name, input.shape.count == ids.shape.count else { return .request }
    if ContractFinder.masks.contains(input.name) { return .mask(of: ids.name) }
    if ContractFinder.zeros.contains(input.name) { return .constant(0) }
    return .request
  }

  private func specs(_ rowAxes: RowAxes) -> [TensorSpec] {
    inputs.indices.map { index in
      let shape = inputs[index].shape.indices.map { axis -> Dimension in
        if case .fixed(let extent) = inputs[index].shape[axis] { .fixed(extent) } else { .symbolic(classes.name(index, axis)!) }
      }
      return TensorSpec(inputs[index].name, types[index], shape, batchAxis: rowAxes.axes[index], padValue: overrides[inputs[index].name]?.padValue ?? 0, source: source(index))
    }
  }

  private func contract(_ attempt: Attempt) -> ModelContract {
    var contract = ModelContract()
    contract.inputs = specs(attempt.rowAxes)
    contract.example = attempt.example
    contract.example.isHalf = hints.isHalf
    contract.samples = attempt.samples
    contract.outputs = outputs.indices.map { index in
      let axis: Int? = if case .rows(let axis) = attempt.roles[index] { axis } else { nil }
      var spec = TensorSpec(outputs[index].name, ElementType(outputs[index].type)!, shape(index, axis, attempt), batchAxis: axis)
      if attempt.keys.indices.contains(index) { spec.labels = attempt.keys[index] }
      return spec
    }
    if let fixed = attempt.rowAxes.fixed, fixed > 1 {
      contract.fixedRows = fixed
      contract.maxRows = fixed
    }
    switch attempt.verdict {
    case .rows, .whole: break
    case .alone: contract.maxRows = 1
    case .coupled(let coupling):
      contract.coupling = coupling
      if !hints.acceptsUnsafe { contract.maxRows = 1 }
    }
    return contract
  }

  /// An output's axes: those that follow an input's by its name, those that never changed with their extent.
  private func shape(_ index: Int, _ rows: Int?, _ attempt: Attempt) -> [Dimension] {
    let seen = attempt.shapes[index], declared = outputs[index].shape
    return seen.indices.map { axis in
      if axis == rows { return .symbolic(rowsName(attempt.rowAxes)) }
      if let followed = attempt.variations.first(where: { name, variation in
        variation.shapes[index].count == seen.count && variation.shapes[index][axis] == variation.extent && seen[axis] == attempt.example.extents[name]
      }) { return .symbolic(followed.key) }
      if attempt.variations.values.contains(where: { $0.shapes[index].count != seen.count || $0.shapes[index][axis] != seen[axis] }) { return .symbolic("\(outputs[index].name).\(axis)") }
      if declared.count == seen.count, case .symbolic(let name) = declared[axis], !AxisClasses.isUnnamed(name), rows == nil || name != rowsName(attempt.rowAxes) { return .symbolic(name) }
      return .fixed(seen[axis])
    }
  }

  private func rowsName(_ rowAxes: RowAxes) -> String {
    for (input, axis) in rowAxes.axes.enumerated() { if let axis, let name = classes.name(input, axis), !name.contains(".") { return name } }
    return "batch"
  }

  // MARK: Whole

  /// Every request runs alone, as it comes: always right.
  private mutating func whole(_ attempt: Attempt?) -> ModelContract {
    var contract = ModelContract()
    contract.inputs = specs(RowAxes(axes: inputs.map { _ in nil }, fixed: nil))
    contract.outputs = outputs.indices.map { index in
      let shape = outputs[index].shape.enumerated().map { axis, extent -> Dimension in
        if case .symbolic(let name) = extent { .symbolic(AxisClasses.isUnnamed(name) ? "\(outputs[index].name).\(axis)" : name) } else { .symbolic("\(outputs[index].name).\(axis)") }
      }
      return TensorSpec(outputs[index].name, ElementType(outputs[index].type)!, shape, batchAxis: nil)
    }
    contract.maxRows = 1
    contract.example = attempt?.example ?? RowExample()
    contract.runs = trials.runs
    contract.isUntried = attempt == nil
    if let attempt {
      let named = outputs.indices.filter { attempt.roles[$0] == .whole }.map { outputs[$0].name }.joined(separator: ", ")
      switch attempt.verdict {
      case .coupled(let coupling): contract.notes = ["every request runs alone, as it comes: \(coupling)"]
      case .alone(let reason): contract.notes = ["every request runs alone, as it comes: two rows do not run together: \(reason)"]
      case .rows, .whole:
        contract.notes = ["every request runs alone, as it comes: rows of \(named) are not told apart (models.inputs.NAME.batchAxis says along which axis of an output they lie, shared: true that all rows share it)"]
      }
    } else if trials.runs > 0 {
      contract.notes = ["every request runs alone, as it comes: no row that was made up could be run, the last one said: \(trials.lastError)"]
    } else {
      contract.notes = ["every request runs alone, as it comes: no input has an axis to stack rows along"]
    }
    contract.notes += remarks
    return contract
  }
}
