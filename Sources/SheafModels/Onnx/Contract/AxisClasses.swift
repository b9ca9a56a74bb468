import Sheaf
import SheafONNX

/// The open axes of a model's inputs, in classes of those that have one extent. Pure.
///
/// At first a class is what shares a declared name; names are hints, so classes are joined as trials show that their extents go
/// together.
struct AxisClasses {
  struct Axis: Hashable {
    var input: Int
    var axis: Int
  }

  /// The class of each open axis.
  private(set) var classes: [Axis: String] = [:]
  /// Their names, in the order of the inputs' axes.
  private(set) var names: [String] = []

  init(_ inputs: [TensorInfo]) {
    for (index, input) in inputs.enumerated() {
      for axis in input.shape.indices {
        guard case .symbolic(let declared) = input.shape[axis] else { continue }
        let name = AxisClasses.isUnnamed(declared) ? "\(input.name).\(axis)" : declared
        classes[Axis(input: index, axis: axis)] = name
        if !names.contains(name) { names.append(name) }
      }
    }
  }

  /// No name, or one that a converter makes up.
  static func isUnnamed(_ name: String) -> Bool { name.isEmpty || name == "?" || name == "None" || name.hasPrefix("unk__") }

  static func isCalledBatch(_ name: String) -> Bool {
    let name = name.lowercased()
    return name.contains("batch") || ["n", "b", "bs"].contains(name)
  }

  /// From here on two classes are one, under the first one's name.
  mutating func join(_ first: String, _ second: String) {
    for (axis, name) in classes where name == second { classes[axis] = first }
    names.removeAll { $0 == second }
  }

  func name(_ input: Int, _ axis: Int) -> String? { classes[Axis(input: input, axis: axis)] }

  /// The axes of a class.
  func axes(_ name: String) -> [Axis] { classes.filter { $0.value == name }.map(\.key).sorted { ($0.input, $0.axis) < ($1.input, $1.axis) } }
}

/// Which axis of each input rows are stacked along: what a trial is to confirm.
struct RowAxes: Hashable {
  /// By input; `nil`: shared by all rows.
  var axes: [Int?]
  /// Every run has so many rows, as the extents are fixed; `nil`: any number.
  var fixed: Int?

  /// What is worth a trial, the likeliest first.
  /// - Parameter overrides: what was said of single inputs.
  static func candidates(_ inputs: [TensorInfo], _ classes: AxisClasses, overrides: [String: TensorOverride]) -> [RowAxes] {
    var candidates: [RowAxes] = []
    func add(_ choose: (Int) -> Int?, fixed: Int? = nil) {
      let axes = inputs.indices.map { index -> Int? in
        if overrides[inputs[index].name]?.shared == true { return nil }
        return overrides[inputs[index].name]?.batchAxis ?? choose(index)
      }
      let candidate = RowAxes(axes: axes, fixed: fixed)
      if axes.contains(where: { $0 != nil }), !candidates.contains(candidate) { candidates.append(candidate) }
    }
    func open(_ input: Int, _ axis: Int) -> Bool { classes.name(input, axis) != nil }
    func first(_ input: Int) -> Int? { open(input, 0) ? 0 : nil }
    // A name says it.
    if let batch = classes.names.first(where: AxisClasses.isCalledBatch) {
      func named(_ input: Int) -> Int? { inputs[input].shape.indices.first { classes.name(input, $0) == batch } }
      add(named)
      add { named($0) ?? first($0) }
    }
    // The first axis; where that is fixed, as a state's number of layers, the first open one.
    add(first)
    add { input in first(input) ?? inputs[input].shape.indices.first { open(input, $0) } }
    // The second, as of sequences that come time first.
    add { input in open(input, 1) ? 1 : nil }
    // Exported with a fixed number of rows.
    if let extent = inputs.lazy.compactMap({ input -> Int? in if case .fixed(let extent) = input.shape.first { extent } else { nil } }).first, (1...64).contains(extent) {
      add({ input in inputs[input].shape.first == .fixed(extent) ? 0 : nil }, fixed: extent)
    }
    return candidates
  }
}
