import Glibc

/// What an ONNX file says about its graph, as far as Sheaf has a use for it before, or instead of, loading it. Pure.
///
/// Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
struct GraphFacts {
  struct Operator: Hashable {
    /// Empty: ONNX's own.
    var domain: String
    var name: String
  }

  private(set) var irVersion = 0
  /// Versions of sets of operators, by their domain.
  private(set) var opsets: [String: Int] = [:]
  /// Operators of all graphs and functions, and how many nodes each has.
  private(set) var operators: [Operator: Int] = [:]
  /// Weights by ONNX's number of their element type: how many tensors.
  private(set) var weights: [Int: Int] = [:]
  /// Files beside this one that hold weights.
  private(set) var external: Set<String> = []
  /// Outputs of the graph that are the same whatever the inputs' values are: only their extents may count.
  private(set) var constantOutputs: Set<String> = []
  /// Not all of it could be read: it is cut off, or no ONNX file.
  private(set) var isBroken = false

  init(_ file: UnsafeRawBufferPointer) {
    var fields = ProtobufFields(file)
    while let field = fields.next() {
      switch field.number {
      case 1: irVersion = Int(truncatingIfNeeded: field.integer)
      case 7:
        readGraph(field.bytes, depth: 0)
        findConstants(field.bytes)
      case 8: readOpset(field.bytes)
      case 25: readFunction(field.bytes)
      default: break
      }
    }
    isBroken = isBroken || fields.isBroken
  }

  /// - Returns: `nil` where the file cannot be read; errno says why.
  init?(path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    guard status.st_size > 0 else {
      self.init(UnsafeRawBufferPointer(start: nil, count: 0))
      return
    }
    let size = Int(status.st_size)
    guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else { return nil }
    defer { munmap(memory, size) }
    self.init(UnsafeRawBufferPointer(start: memory, count: size))
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer, _ body: (inout GraphFacts, ProtobufFields.Field) -> Void) {
    var fields = ProtobufFields(bytes)
    while let field = fields.next() { body(&self, field) }
    isBroken = isBroken || fields.isBroken
  }

  private mutating func readOpset(_ bytes: UnsafeRawBufferPointer) {
    var domain = "", version = 0
    read(bytes) { _, field in
      if field.number == 1 { domain = field.text }
      if field.number == 2 { version = Int(truncatingIfNeeded: field.integer) }
    }
    opsets[domain] = version
  }

  private mutating func readFunction(_ bytes: UnsafeRawBufferPointer) {
    read(bytes) { facts, field in if field.number == 7 { facts.readNode(field.bytes, depth: 0) } }
  }

  private mutating func readGraph(_ bytes: UnsafeRawBufferPointer, depth: Int) {
    // Nobody's loops are so deep; a file made to exhaust the stack has.
    guard depth < 32 else { return }
    read(bytes) { facts, field in
      if field.number == 1 { facts.readNode(field.bytes, depth: depth) }
      if field.number == 5 { facts.readTensor(field.bytes) }
    }
  }

  private mutating func readNode(_ bytes: UnsafeRawBufferPointer, depth: Int) {
    var name = "", domain = ""
    read(bytes) { facts, field in
      switch field.number {
      case 4: name = field.text
      case 5: facts.readAttribute(field.bytes, depth: depth)
      case 7: domain = field.text
      default: break
      }
    }
    operators[Operator(domain: domain == "ai.onnx" ? "" : domain, name: name), default: 0] += 1
  }

  private mutating func readAttribute(_ bytes: UnsafeRawBufferPointer, depth: Int) {
    read(bytes) { facts, field in
      if field.number == 5 { facts.readTensor(field.bytes) }
      if field.number == 6 || field.number == 11 { facts.readGraph(field.bytes, depth: depth + 1) }
    }
  }

  private mutating func readTensor(_ bytes: UnsafeRawBufferPointer) {
    var type = 0
    read(bytes) { facts, field in
      if field.number == 2 { type = Int(truncatingIfNeeded: field.integer) }
      guard field.number == 13 else { return }
      var key = "", value = ""
      facts.read(field.bytes) { _, entry in
        if entry.number == 1 { key = entry.text }
        if entry.number == 2 { value = entry.text }
      }
      if key == "location" { facts.external.insert(value) }
    }
    weights[type, default: 0] += 1
  }

  // MARK: Where values go

  /// A node as values flow through it: what it reads, its subgraphs included, and what it gives.
  private struct Flow {
    var reads: Set<String> = []
    var gives: [String] = []
    /// It looks at extents only.
    var isBlind = false
  }

  private mutating func findConstants(_ graph: UnsafeRawBufferPointer) {
    var flows: [Flow] = [], outputs: [String] = [], reached: Set<String> = [], initializers: Set<String> = []
    read(graph) { facts, field in
      switch field.number {
      case 1: flows.append(facts.flow(field.bytes, depth: 0))
      case 5: initializers.insert(facts.name(field.bytes, 8))
      case 11: reached.insert(facts.name(field.bytes, 1))
      case 12: outputs.append(facts.name(field.bytes, 1))
      default: break
      }
    }
    // Nodes are in the order in which they run, or ONNX Runtime does not load the file.
    for flow in flows where !flow.isBlind && !flow.reads.isDisjoint(with: reached) { reached.formUnion(flow.gives) }
    let known = Set(flows.flatMap(\.gives)).union(initializers)
    constantOutputs = Set(outputs.filter { !reached.contains($0) && known.contains($0) })
  }

  private mutating func name(_ bytes: UnsafeRawBufferPointer, _ number: Int) -> String {
    var name = ""
    read(bytes) { _, field in if field.number == number { name = field.text } }
    return name
  }

  private mutating func flow(_ bytes: UnsafeRawBufferPointer, depth: Int) -> Flow {
    var flow = Flow()
    guard depth < 32 else { return flow }
    read(bytes) { facts, field in
      switch field.number {
      case 1: flow.reads.insert(field.text)
      case 2: flow.gives.append(field.text)
      case 4: flow.isBlind = field.text == "Shape" || field.text == "Size"
      case 5:
        facts.read(field.bytes) { facts, field in
          guard field.number == 6 || field.number == 11 else { return }
          facts.read(field.bytes) { facts, field in
            guard field.number == 1 else { return }
            flow.reads.formUnion(facts.flow(field.bytes, depth: depth + 1).reads)
          }
        }
      default: break
      }
    }
    return flow
  }

  // MARK: What follows

  /// Operators that measure their input while they run, all rows at once, and round by it: a row's answer depends on its company.
  var quantisers: [String] {
    operators.keys.filter { $0.name.hasPrefix("DynamicQuantize") }.map(\.name).sorted()
  }

  /// Most weights are in half precision or less (FP16 is 10, BF16 16).
  var isHalf: Bool {
    let half = weights[10, default: 0] + weights[16, default: 0]
    return half > 0 && half >= weights[1, default: 0]
  }
}
