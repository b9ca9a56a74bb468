import SheafONNX

// Models of kinds that people bring, as small as they can be.
extension TinyModel {
  private static let any = Extent.symbolic("")

  /// sum(ids × mask) of each row: [batch, 1]. The declared names are only hints.
  static func maskedSum(ids: [Extent], mask: [Extent], order: [String] = ["input_ids", "attention_mask"], maskName: String = "attention_mask") -> TinyModel {
    var model = TinyModel()
    model.constant("axes", [1])
    for name in order { model.input(name == "attention_mask" ? maskName : name, .int64, name == "input_ids" ? ids : mask) }
    model.node("Mul", ["input_ids", maskName], ["own"])
    model.node("ReduceSum", ["own", "axes"], ["sum"], ints: ["keepdims": 1])
    model.output("sum", .int64, [any, .fixed(1)])
    return model
  }

  /// Where padding is told by true: sum of x where the mask is false.
  static func invertedMask() -> TinyModel {
    var model = TinyModel()
    model.constant("axes", [1])
    model.scalar("zero", Float(0))
    model.input("x", .float32, [.symbolic("N"), .symbolic("T")])
    model.input("key_padding_mask", .bool, [.symbolic("N"), .symbolic("T")])
    model.node("Where", ["key_padding_mask", "zero", "x"], ["own"])
    model.node("ReduceSum", ["own", "axes"], ["sum"], ints: ["keepdims": 0])
    model.output("sum", .float32, [.symbolic("N")])
    return model
  }

  /// Token vectors and, beside them, a table that all rows share.
  static func sharedTable(rows: Int) -> TinyModel {
    var model = TinyModel()
    model.constant("values", (0..<(rows * 5)).map { Float($0) }, shape: [rows, 5])
    model.input("x", .float32, [.symbolic("batch"), .fixed(4)])
    model.node("Identity", ["x"], ["y"])
    model.node("Identity", ["values"], ["table"])
    model.output("y", .float32, [.symbolic("batch"), .fixed(4)])
    model.output("table", .float32, [.fixed(rows), .fixed(5)])
    return model
  }

  /// The scores of eight classes of each row, with axes that have no name: they are not cut to the text's length.
  static func unnamedScores() -> TinyModel {
    var model = TinyModel()
    model.constant("table", (0..<(100 * 8)).map { Float($0 % 17) }, shape: [100, 8])
    model.constant("one", [1])
    model.constant("two", [2])
    model.input("input_ids", .int64, [any, any])
    model.input("attention_mask", .int64, [any, any])
    model.node("Gather", ["table", "input_ids"], ["vectors"], ints: ["axis": 0])
    model.node("Cast", ["attention_mask"], ["mask"], ints: ["to": 1])
    model.node("Unsqueeze", ["mask", "two"], ["wide"])
    model.node("Mul", ["vectors", "wide"], ["own"])
    model.node("ReduceSum", ["own", "one"], ["scores"], ints: ["keepdims": 0])
    model.output("scores", .float32, [any, any])
    return model
  }

  /// Sums of [batch, 2, length] along the length: two choices a row.
  static func choices() -> TinyModel {
    var model = TinyModel()
    model.constant("axes", [2])
    model.input("input_ids", .int64, [.symbolic("batch"), .fixed(2), .symbolic("length")])
    model.node("ReduceSum", ["input_ids", "axes"], ["scores"], ints: ["keepdims": 0])
    model.output("scores", .int64, [.symbolic("batch"), .fixed(2)])
    return model
  }

  /// A vector for an id below `count`; larger ones are refused by the operator.
  static func table(of count: Int) -> TinyModel {
    var model = TinyModel()
    model.constant("table", (0..<(count * 2)).map { Float($0) }, shape: [count, 2])
    model.constant("axes", [1])
    model.input("id", .int64, [.symbolic("N"), .fixed(1)])
    model.node("Gather", ["table", "id"], ["vector"], ints: ["axis": 0])
    model.node("Squeeze", ["vector", "axes"], ["y"])
    model.output("y", .float32, [.symbolic("N"), .fixed(2)])
    return model
  }

  /// A window of 40 samples every 20 ones: shorter rows are refused.
  static func windows() -> TinyModel {
    var model = TinyModel()
    model.constant("weights", (0..<40).map { Float($0) / 40 }, shape: [1, 1, 40])
    model.constant("one", [1])
    model.input("samples", .float32, [.symbolic("batch"), .symbolic("time")])
    model.node("Unsqueeze", ["samples", "one"], ["channel"])
    model.node("Conv", ["channel", "weights"], ["frames"], lists: ["kernel_shape": [40], "strides": [20]])
    model.output("frames", .float32, [.symbolic("batch"), .fixed(1), .symbolic("frames")])
    return model
  }

  /// An image of any size, [batch, 1, height, width], to one number, at an eighth of the size: averages of 2 × 2.
  static func image() -> TinyModel {
    var model = TinyModel()
    model.constant("weights", [1, 2, 3, 4], shape: [1, 1, 2, 2])
    model.input("image", .float32, [.symbolic("batch"), .fixed(1), .symbolic("height"), .symbolic("width")])
    model.node("Conv", ["image", "weights"], ["half"], lists: ["kernel_shape": [2, 2], "strides": [2, 2]])
    model.node("GlobalMaxPool", ["half"], ["most"])
    model.node("Flatten", ["most"], ["y"], ints: ["axis": 1])
    model.output("half", .float32, [.symbolic("batch"), .fixed(1), .symbolic("h"), .symbolic("w")])
    model.output("y", .float32, [.symbolic("batch"), .fixed(1)])
    return model
  }

  /// A voice detector's: a state whose rows lie along the second axis, and a rate that all rows share.
  static func stateful(names: Bool) -> TinyModel {
    func name(_ text: String) -> Extent { names ? .symbolic(text) : any }
    var model = TinyModel()
    model.constant("one", [1])
    model.constant("zero", [0])
    model.input("input", .float32, [name("batch"), name("samples")])
    model.input("state", .float32, [.fixed(2), name("batch"), .fixed(3)])
    model.input("sr", .int64, [])
    model.node("ReduceMean", ["input", "one"], ["mean"], ints: ["keepdims": 1])
    model.node("Cast", ["sr"], ["rate"], ints: ["to": 1])
    model.node("Mul", ["mean", "rate"], ["output"])
    model.node("Unsqueeze", ["output", "zero"], ["step"])
    model.node("Add", ["state", "step"], ["stateN"])
    model.output("output", .float32, [name("batch"), .fixed(1)])
    model.output("stateN", .float32, [names ? .fixed(2) : any, name("batch"), names ? .fixed(3) : any])
    return model
  }

  /// Time first: [time, batch, 2] to the sum over time.
  static func timeFirst() -> TinyModel {
    var model = TinyModel()
    model.constant("zero", [0])
    model.input("frames", .float32, [.symbolic("time"), .symbolic("rows"), .fixed(2)])
    model.node("ReduceSum", ["frames", "zero"], ["sum"], ints: ["keepdims": 0])
    model.output("sum", .float32, [.symbolic("rows"), .fixed(2)])
    return model
  }

  /// Quantised while it runs: by the largest number of all rows together.
  static func quantised(intoIntegers: Bool = false) -> TinyModel {
    var model = TinyModel()
    model.bytes("weights", (0..<16).map { UInt8($0 * 13 % 251) }, shape: [8, 2])
    model.scalar("middle", UInt8(128))
    model.scalar("half", Float(0.5))
    model.input("x", .float32, [.symbolic("N"), .fixed(8)])
    model.node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"])
    model.node("MatMulInteger", ["q", "weights", "zero", "middle"], ["whole"])
    model.node("Cast", ["whole"], ["float"], ints: ["to": 1])
    model.node("Mul", ["float", "scale"], ["y"])
    if intoIntegers {
      model.node("ArgMax", ["y"], ["best"], ints: ["axis": 1, "keepdims": 0])
      model.output("best", .int64, [.symbolic("N")])
    } else {
      model.output("y", .float32, [.symbolic("N"), .fixed(2)])
    }
    return model
  }

  /// Iris, as scikit-learn's converter writes it.
  static func classifier(zipMap: Bool, strings: Bool) -> TinyModel {
    let names = strings ? ["classlabels_strings": ["setosa", "versicolor", "virginica"]] : [:]
    let numbers = strings ? [:] : ["classlabels_ints": [0, 1, 2]]
    var model = TinyModel()
    model.input("float_input", .float32, [any, .fixed(2)])
    model.node(
      "LinearClassifier", ["float_input"], ["label", "raw"], ints: ["multi_class": 1], lists: numbers, floats: ["coefficients": [1, 0, 0, 1, -1, -1], "intercepts": [0.1, 0.2, 0.3]],
      texts: names.merging(["post_transform": ["SOFTMAX"]]) { $1 }, domain: "ai.onnx.ml")
    if zipMap {
      model.node("ZipMap", ["raw"], ["probabilities"], lists: strings ? [:] : ["classlabels_int64s": [0, 1, 2]], texts: names, domain: "ai.onnx.ml")
      model.mapOutput("probabilities", key: strings ? .string : .int64)
    } else {
      model.node("Identity", ["raw"], ["probabilities"])
      model.output("probabilities", .float32, [any, .fixed(3)])
    }
    model.output("label", strings ? .string : .int64, [any])
    return model
  }

  /// Strings to numbers and back.
  static func strings() -> TinyModel {
    var model = TinyModel()
    let numbers = ["keys_strings": ["red", "green"]], words = ["values_strings": ["warm", "cold"]]
    model.input("colour", .string, [.symbolic("N"), .fixed(2)])
    model.node("LabelEncoder", ["colour"], ["number"], ints: ["default_int64": -1], lists: ["values_int64s": [7, 8]], texts: numbers, domain: "ai.onnx.ml")
    model.node("LabelEncoder", ["number"], ["feel"], lists: ["keys_int64s": [7, 8]], texts: words.merging(["default_string": ["none"]]) { $1 }, domain: "ai.onnx.ml")
    model.output("number", .int64, [.symbolic("N"), .fixed(2)])
    model.output("feel", .string, [.symbolic("N"), .fixed(2)])
    return model
  }

  /// One number for all that was sent.
  static func total() -> TinyModel {
    var model = TinyModel()
    model.input("x", .float32, [.symbolic("n"), .symbolic("m")])
    model.node("ReduceSum", ["x"], ["total"], ints: ["keepdims": 0])
    model.output("total", .float32, [])
    return model
  }

  /// x, reshaped by an input; its output has no shape in the file.
  static func reshaped() -> TinyModel {
    var model = TinyModel()
    model.input("x", .float32, [.symbolic("n")])
    model.input("to", .int64, [.fixed(2)])
    model.node("Reshape", ["x", "to"], ["y"])
    model.output("y", .float32)
    return model
  }

  /// x and something random.
  static func random() -> TinyModel {
    var model = TinyModel()
    model.input("x", .float32, [.symbolic("batch"), .fixed(2)])
    model.node("RandomNormalLike", ["x"], ["noise"])
    model.node("Add", ["x", "noise"], ["y"])
    model.output("y", .float32, [.symbolic("batch"), .fixed(2)])
    return model
  }

  /// Not a number, whatever comes.
  static func notANumber() -> TinyModel {
    var model = TinyModel()
    model.input("x", .float32, [.symbolic("batch"), .fixed(2)])
    model.node("Sub", ["x", "x"], ["zero"])
    model.node("Div", ["zero", "zero"], ["y"])
    model.output("y", .float32, [.symbolic("batch"), .fixed(2)])
    return model
  }

  /// Two tables whose lengths have nothing to do with each other: sums of both.
  static func twoLengths() -> TinyModel {
    var model = TinyModel()
    model.constant("one", [1])
    for name in ["a", "b"] {
      model.input(name, .float32, [any, any])
      model.node("ReduceSum", [name, "one"], ["sum_\(name)"], ints: ["keepdims": 1])
    }
    model.node("Concat", ["sum_a", "sum_b"], ["y"], ints: ["axis": 1])
    model.output("y", .float32, [any, .fixed(2)])
    return model
  }
}
