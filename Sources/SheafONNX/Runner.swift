import COnnxRuntime
import Glibc

/// A tensor in memory that somebody else owns: row-major, on the host.
public struct TensorView {
  public var type: TensorType
  public var shape: [Int]
  /// Of strings each element's length in four bytes, little-endian, and then the element.
  public var bytes: UnsafeRawBufferPointer
  /// Of a sequence of maps, which comes as a tensor [maps, keys]: the keys.
  public var keys: [String]

  public init(_ type: TensorType, _ shape: [Int], _ bytes: UnsafeRawBufferPointer, keys: [String] = []) {
    self.type = type
    self.shape = shape
    self.bytes = bytes
    self.keys = keys
  }
}

/// One thread's way to run a session: what a run needs, kept from one run to the next.
///
/// Inputs are read where they lie, and only during `run`. Outputs are ONNX Runtime's memory, or the runner's where they had to be
/// copied together (strings, maps); the runner owns it until its next run.
public final class Runner {
  public let session: Session
  /// Indices into the session's outputs, in the order of `output(_:)`.
  public let outputs: [Int]

  // Plain C memory: names as Run wants them, and values, NULL where there is none.
  private let inputNames, outputNames: UnsafeMutablePointer<UnsafePointer<CChar>?>
  private let inputValues, outputValues: UnsafeMutablePointer<OpaquePointer?>
  private var extents: [Int64] = []
  /// What outputs are copied together in.
  private var copies: [[UInt8]]

  /// - Parameter outputs: indices of the session's outputs that are wanted, at least one; others need not be computed.
  public init(_ session: Session, outputs: [Int]? = nil) {
    self.session = session
    self.outputs = outputs ?? Array(session.outputs.indices)
    func names(_ list: [String]) -> UnsafeMutablePointer<UnsafePointer<CChar>?> {
      let pointer = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: list.count)
      pointer.initialize(from: list.map { UnsafePointer(strdup($0)) }, count: list.count)
      return pointer
    }
    func values(_ count: Int) -> UnsafeMutablePointer<OpaquePointer?> {
      let pointer = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: count)
      pointer.initialize(repeating: nil, count: count)
      return pointer
    }
    inputNames = names(session.inputs.map(\.name))
    outputNames = names(self.outputs.map { session.outputs[$0].name })
    inputValues = values(session.inputs.count)
    outputValues = values(self.outputs.count)
    copies = self.outputs.map { _ in [] }
  }

  deinit {
    release(inputValues, session.inputs.count)
    release(outputValues, outputs.count)
    for index in session.inputs.indices { free(UnsafeMutablePointer(mutating: inputNames[index])) }
    for index in outputs.indices { free(UnsafeMutablePointer(mutating: outputNames[index])) }
    inputNames.deallocate()
    outputNames.deallocate()
    inputValues.deallocate()
    outputValues.deallocate()
  }

  /// Runs the model.
  /// - Parameter inputs: all inputs of the session in its order. Their memory has to stay until this returns.
  /// - Throws: ONNX Runtime's error; outputs of the run before are gone then, too.
  public func run(_ inputs: [TensorView]) throws(ONNXError) {
    precondition(inputs.count == session.inputs.count, "\(inputs.count) inputs given, \(session.inputs.count) wanted")
    let api = session.runtime.api
    release(outputValues, outputs.count)
    defer { release(inputValues, inputs.count) }
    for (index, input) in inputs.enumerated() {
      extents.removeAll(keepingCapacity: true)
      for extent in input.shape { extents.append(Int64(extent)) }
      let doing = "input \(session.inputs[index].name)"
      if input.type == .string {
        inputValues[index] = try session.runtime.makeStrings(input, extents, doing)
        continue
      }
      try api.check(
        api.CreateTensorWithDataAsOrtValue(
          session.runtime.hostMemory, UnsafeMutableRawPointer(mutating: input.bytes.baseAddress), input.bytes.count, extents, extents.count,
          input.type.rawValue, &inputValues[index]),
        doing)
    }
    try api.check(
      api.Run(session.pointer, nil, inputNames, inputValues, inputs.count, outputNames, outputs.count, outputValues), "running \(session.path)")
  }

  /// The `index`th wanted output of the last run; valid until the next.
  /// - Throws: where there was no successful run, or it is neither a tensor nor a sequence of maps.
  public func output(_ index: Int) throws(ONNXError) -> TensorView {
    let api = session.runtime.api
    let doing = "output \(session.outputs[outputs[index]].name)"
    guard let value = outputValues[index] else { throw ONNXError(doing, "no run has filled it") }
    if session.outputs[outputs[index]].mapKey != nil {
      let maps = try session.runtime.readMaps(value, doing)
      copies[index] = maps.bytes
      return copies[index].withUnsafeBytes { TensorView(maps.type, maps.shape, $0, keys: maps.keys) }
    }
    var isTensor: Int32 = 0
    try api.check(api.IsTensor(value, &isTensor), doing)
    guard isTensor != 0 else { throw ONNXError(doing, "is no tensor") }
    let (type, shape) = try session.runtime.shape(of: value, doing)
    if type == .string {
      copies[index] = try session.runtime.readStrings(value, count: shape.reduce(1, *), doing)
      return copies[index].withUnsafeBytes { TensorView(type, shape, $0) }
    }
    guard let size = type.size else { throw ONNXError(doing, "elements of an unsupported type") }
    var data: UnsafeMutableRawPointer?
    try api.check(api.GetTensorMutableData(value, &data), doing)
    return TensorView(type, shape, UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : shape.reduce(size, *)))
  }

  private func release(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) {
    for index in 0..<count {
      if let value = values[index] { session.runtime.api.ReleaseValue(value) }
      values[index] = nil
    }
  }
}

extension TensorType {
  /// Bytes an element takes; `nil` for strings.
  public var size: Int? {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64, .complex64: 8
    case .complex128: 16
    case .string: nil
    }
  }
}
