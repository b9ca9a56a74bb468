import Sheaf
import SheafONNX

/// Whether rows of unlike length may run together, padded: only where a mask tells padding apart, which is seen by trying, or where
/// the configuration promises it.
extension ContractFinder {
  mutating func pad(_ contract: inout ModelContract, _ found: Attempt) throws {
    if let promise = promised(contract) {
      let padded = padded(contract, along: promise, masks: masks(of: promise.input, contract))
      if let difference = try difference(padded, found), difference > 0 {
        notes.append("padding, as models.inputs promises it may be done, changes answers by \(difference)")
      }
      contract = padded
      return
    }
    var notes: [String] = []
    for masked in contract.inputs.indices where contract.inputs[masked].source == .request && contract.inputs[masked].batchAxis != nil {
      for mask in masks(of: masked, contract) {
        guard let length = lengthAxis(of: masked, by: mask, contract) else { continue }
        let isFixed = if case .fixed = contract.inputs[masked].shape[length.axis] { true } else { false }
                guard let failure = try isFixed ? padFixed(&contract, length, mask) : padOpen(&contract, length, mask, found) else { return }
        notes.append(failure)
      }
    }
    self.notes += notes
  }

  /// An axis along which rows have a length.
  struct LengthAxis {
    var input: Int
    var axis: Int
  }

  // MARK: What may be a mask, and of what

  /// Inputs that may tell elements of an input from padding: named so, or said to be so.
  private func masks(of masked: Int, _ contract: ModelContract) -> [Int] {
    contract.inputs.indices.filter { index in
      guard index != masked, contract.inputs[index].batchAxis != nil else { return false }
      if case .mask(let name) = contract.inputs[index].source { return name == contract.inputs[masked].name }
      return contract.inputs[index].source == .request && contract.inputs[index].name.lowercased().contains("mask") && !contract.inputs[masked].name.lowercased().contains("mask")
    }
  }

  /// The axis of a masked input that its mask has too; where the mask's is a width of its own, the one in the same place.
  private func lengthAxis(of masked: Int, by mask: Int, _ contract: ModelContract) -> LengthAxis? {
    let spec = contract.inputs[masked], maskSpec = contract.inputs[mask]
    func isLength(_ axis: Int) -> Bool { axis != spec.batchAxis }
    for axis in spec.shape.indices where isLength(axis) {
      if case .symbolic = spec.shape[axis], maskSpec.shape.indices.contains(where: { $0 != maskSpec.batchAxis && maskSpec.shape[$0] == spec.shape[axis] }) { return LengthAxis(input: masked, axis: axis) }
    }
    guard maskSpec.shape.count <= spec.shape.count, let last = maskSpec.shape.indices.last, isLength(last) else { return nil }
    if case .symbolic = spec.shape[last] { return LengthAxis(input: masked, axis: last) }
    return spec.shape[last] == maskSpec.shape[last] && spec.shape.count > 1 ? LengthAxis(input: masked, axis: last) : nil
  }

  /// The axis that the configuration says may be padded.
  private func promised(_ contract: ModelContract) -> LengthAxis? {
    for (index, spec) in contract.inputs.enumerated() where spec.source == .request && spec.batchAxis != nil {
      guard let override = overrides[spec.name], override.padAxis != nil || override.padValue != nil else { continue }
      // With a mask of its own it is no promise.
      if override.padAxis == nil || !masks(of: index, contract).isEmpty, !masks(of: index, contract).isEmpty { continue }
      if let axis = override.padAxis ?? spec.openAxes.first, axis != spec.batchAxis { return LengthAxis(input: index, axis: axis) }
    }
    return nil
  }

  // MARK: Trying

  /// The contract with padding along an axis, of every input and output that has the same extent.
  private func padded(_ contract: ModelContract, along length: LengthAxis, masks: [Int], inverted: Bool = false) -> ModelContract {
    var contract = contract
    let extent = contract.inputs[length.input].shape[length.axis]
    for index in contract.inputs.indices where contract.inputs[index].batchAxis != nil {
      let spec = contract.inputs[index]
      let same = spec.shape.indices.first { $0 != spec.batchAxis && spec.shape[$0] == extent && (index == length.input ? $0 == length.axis : true) }
      if masks.contains(index) {
        contract.inputs[index].padAxis = same ?? spec.shape.indices.last { $0 != spec.batchAxis }
        contract.inputs[index].source = .mask(of: contract.inputs[length.input].name)
        contract.inputs[index].padValue = inverted ? 1 : 0
      } else if case .constant(let value) = spec.source {
        contract.inputs[index].padAxis = same
        contract.inputs[index].padValue = value
      } else if let same, spec.openAxes.contains(same) || index == length.input {
        contract.inputs[index].padAxis = same
        if index == length.input, spec.name == idsName, overrides[spec.name]?.padValue == nil { contract.inputs[index].padValue = hints.padID }
      }
    }
    for index in contract.outputs.indices where contract.outputs[index].batchAxis != nil {
      guard case .symbolic = extent else { continue }
      contract.outputs[index].padAxis = contract.outputs[index].shape.indices.first { $0 != contract.outputs[index].batchAxis && contract.outputs[index].shape[$0] == extent }
    }
    return contract
  }

  /// - Returns: why not; `nil`: it is padded.
  private func padOpen(_ contract: inout ModelContract, _ length: LengthAxis, _ mask: Int, _ found: Attempt) throws -> String? {
    for inverted in overrides[contract.inputs[mask].name]?.mask == nil ? [false, true] : [false] {
      let padded = padded(contract, along: length, masks: [mask], inverted: inverted)
      guard try difference(padded, found) == 0 else { continue }
      // Told the wrong way round, padding is all that counts: then it matters what is in it.
      var other = padded
      other.inputs[length.input].padValue = padded.inputs[length.input].padValue == 1 ? 2 : 1
      guard try difference(other, found) == 0 else { continue }
      contract = padded
      return nil
    }
    return "only rows of equal length run together: padding changes answers, though \(contract.inputs[mask].name) tells it apart"
  }

  /// How far answers of padded rows are from those of rows alone; 0: within what rounding may do; `nil`: they do not run.
  private func difference(_ padded: ModelContract, _ found: Attempt) throws -> Double? {
    let signature = trials.signature(padded.inputs, outputs: padded.outputs, padded.example, fixedRows: padded.fixedRows)
    let trial = trials.trial(signature)
    let lengths = lengths(padded, found)
    let rows = lengths.map { trial.row(length: $0) }
    var largest = 0.0, isWithin = true
    func compare(_ answers: [[RowTrial.Answer]], _ alone: [[[RowTrial.Answer]]], _ rows: Range<Int>) {
      for (output, spec) in padded.outputs.enumerated() {
        for (place, row) in rows.enumerated() {
          let difference = Tolerance(spec.type, isHalf: hints.isHalf).compare(answers[output][place], alone[row][output][0])
          largest = max(largest, difference.largest)
          isWithin = isWithin && difference.isWithin
        }
      }
    }
    var alone: [[[RowTrial.Answer]]] = []
    for row in rows {
      guard let answers = try trials.run(trial, [row]) else { return nil }
      alone.append(answers)
    }
    // Company of unlike length, where there is any; and by itself, with as much padding as the row is long.
    if padded.maxRows != 1, padded.fixedRows == nil {
      guard let together = try trials.run(trial, rows) else { return nil }
      compare(together, alone, rows.indices)
    }
    for (index, row) in rows.enumerated() {
      guard let long = try trials.run(trial, [row], paddedTo: lengths.max()!) else { return nil }
      compare(long, alone, index..<(index + 1))
    }
    return isWithin ? 0 : max(largest, .leastNonzeroMagnitude)
  }

  /// Lengths that the model takes, unlike each other.
  private func lengths(_ padded: ModelContract, _ found: Attempt) -> [Int] {
    guard let input = padded.inputs.first(where: { $0.source == .request && $0.padAxis != nil }), case .symbolic(let name) = input.shape[input.padAxis!] else { return [8, 5, 3] }
    let base = found.example.extents[name] ?? RowExample.anyExtent
    if let other = found.variations[name]?.extent, base < 8 || base > 64 { return [base, other] }
    return [base, max(1, base * 5 / 8), max(1, base * 3 / 8)]
  }

  /// A model that was exported with one length takes shorter rows if what stands behind their end changes nothing.
  /// - Returns: why not; `nil`: it is padded.
  private func padFixed(_ contract: inout ModelContract, _ length: LengthAxis, _ mask: Int) throws -> String? {
    guard case .fixed(let extent) = contract.inputs[length.input].shape[length.axis], extent > 1 else { return "rows have one element" }
    var padded = padded(contract, along: length, masks: [mask])
    var other = padded
    let value = padded.inputs[length.input].padValue
    other.inputs[length.input].padValue = value == 1 ? 2 : 1
    let lengths = [max(1, extent / 2), max(1, extent / 3)]
    func answers(_ contract: ModelContract) throws -> [[RowTrial.Answer]]? {
      let trial = trials.trial(trials.signature(contract.inputs, contract.example, fixedRows: contract.fixedRows))
      return try lengths.map { try trials.whole(trial, [trial.row(length: $0)]) }.reduce(into: [[RowTrial.Answer]]?.some([])) { all, one in
        if let one { all?.append(one) } else { all = nil }
      }
    }
    guard let first = try answers(padded), let second = try answers(other) else { return "only rows of \(extent) run: \(trials.lastError)" }
    for (index, spec) in padded.outputs.enumerated() where spec.batchAxis != nil {
      let tolerance = Tolerance(spec.type, isHalf: hints.isHalf)
      func isSame(_ trimmed: Int?) -> Bool {
        lengths.indices.allSatisfy { row in
          let (one, two) = (first[row][index], second[row][index])
          guard let trimmed else { return tolerance.compare(one, two).isWithin }
          return tolerance.compare(one.prefix(trimmed, lengths[row]), two.prefix(trimmed, lengths[row])).isWithin
        }
      }
      if isSame(nil) { continue }
      // Elements behind the end are nobody's: they are cut off.
      guard let axis = first[0][index].shape.indices.first(where: { $0 != spec.batchAxis && first[0][index].shape[$0] == extent && isSame($0) }) else {
        return "only rows of \(extent) run: what stands behind a shorter one's end changes its answer, though \(contract.inputs[mask].name) tells it apart"
      }
      padded.outputs[index].padAxis = axis
    }
    contract = padded
    return nil
  }

  // MARK: In words

  mutating func describe(_ contract: inout ModelContract, _ found: Attempt) {
    var lines: [String] = []
    let requested = contract.inputs.filter { $0.source == .request }
    switch found.verdict {
    case .alone(let reason): lines.append("rows run one at a time: \(reason)")
    case .coupled(let coupling): lines.append(coupling.description + (hints.acceptsUnsafe ? ", which is accepted" : ", so rows run one at a time"))
    case .rows, .whole: break
    }
    if let fixed = contract.fixedRows { lines.append("every run has \(fixed) rows, as the model was exported; what is missing is filled up with rows that are there") }
    let padded = requested.filter { $0.padAxis != nil }
    if let first = padded.first {
      let masks = contract.inputs.filter { if case .mask = $0.source { $0.padAxis != nil } else { false } }.map(\.name)
      lines.append("rows of unlike length run together, padded with \(number(first.padValue)): \(masks.isEmpty ? "models.inputs promises that it may be done" : "\(masks.joined(separator: ", ")) tells padding apart")")
    }
    let open = Array(Set(requested.filter { $0.batchAxis != nil }.flatMap { spec in spec.openAxes.map { spec.shape[$0] } })).compactMap { if case .symbolic(let name) = $0 { name } else { nil } }.sorted()
    if !open.isEmpty, contract.maxRows != 1 { lines.append("rows run together where they have the same extent along \(open.joined(separator: " and "))") }
    let shared = requested.filter { $0.batchAxis == nil }.map(\.name)
    if !shared.isEmpty, contract.maxRows != 1 { lines.append("requests run together where their \(shared.joined(separator: " and ")) \(shared.count == 1 ? "is" : "are") the same") }
    let same = contract.outputs.filter { $0.batchAxis == nil }.map(\.name)
    if !same.isEmpty { lines.append("\(same.joined(separator: " and ")) \(same.count == 1 ? "is" : "are") the same for all rows, and handed to each as \(same.count == 1 ? "it is" : "they are")") }
    if found.isRandom { lines.append("answers differ from run to run, as the model draws random numbers: whether company changes them cannot be seen") }
    contract.notes = lines + remarks + notes
  }

  /// What is to be said of the file, whatever was found.
  var remarks: [String] {
    var lines: [String] = []
    for input in inputs where input.shape.contains(.fixed(0)) {
      lines.append("\(input.name) has an extent of 0, so that only tensors without elements are taken; old exporters wrote 0 where any was meant: give that axis a name in the file")
    }
    for output in outputs where output.mapKey != nil {
      lines.append("\(output.name) comes as a sequence of maps (ZipMap) and is answered as a tensor [rows, keys], with the keys as its labels; models.outputs leaves it out")
    }
    return lines
  }

  private func number(_ value: Double) -> String { Int(exactly: value).map { "\($0)" } ?? "\(value)" }
}

extension ModelContract.Coupling: CustomStringConvertible {
  var description: String {
    "a row's answer changes in a batch: output \(output) \(difference.map { "differs by \($0)" } ?? "may be another whole number")" + (cause.isEmpty ? "" : ", since the model is quantised at run time, by all rows together (\(cause))")
  }
}
