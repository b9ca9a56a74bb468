import Glibc
import SheafONNX
import SheafTesting
@testable import Sheaf
@testable import SheafModels

/// One runtime for all tests; throws, with what to do, where the library is missing.
func runtime() throws -> Runtime { try shared.get() }
private let shared = Result { try Runtime(library: Installed.onnxruntime) }

func load(_ model: TinyModel, _ change: (inout OnnxOptions) -> Void = { _ in }) throws -> OnnxModel {
  var options = OnnxOptions(path: try model.write())
  change(&options)
  return try OnnxModel(options, runtime: runtime())
}

/// Runs rows of one request input and returns the rows of each output.
func run(_ model: OnnxModel, _ rows: [[Double]], paddedTo length: Int = 1) throws -> [[[Double]]] {
  let isPadded = model.signature.isPadded
  return try run(model, rows.map { row in
    SampleRow(length: isPadded ? row.count : 1, inputs: model.signature.inputs.map { $0.source == .request ? row : [] })
  }, paddedTo: length)
}

/// A row with these numbers.
struct SampleRow {
  /// Its extent along the pad axis; 1 where there is none.
  var length: Int
  /// Row-major elements of each input; empty: it is left out.
  var inputs: [[Double]]
}

/// Runs rows as lanes do.
func run(_ model: OnnxModel, _ rows: [SampleRow], paddedTo length: Int = 1) throws -> [[[Double]]] {
  let trial = try RowTrial(model)
  return try trial.run(rows.map { made($0, model.signature) }, paddedTo: length).map { $0.map(\.values) }
}

private func made(_ row: SampleRow, _ signature: Signature) -> MadeUpRow {
  var blocks: [UnsafeMutableRawPointer] = []
  let tensors = zip(signature.inputs, row.inputs).map { spec, values -> RequestTensor in
    guard !values.isEmpty else { return .absent }
    let block = malloc(values.count * spec.type.size)!
    blocks.append(block)
    for (place, value) in values.enumerated() { replicate(value, spec.type, block + place * spec.type.size, spec.type.size) }
    return RequestTensor(data: UnsafeRawPointer(block), byteCount: values.count * spec.type.size, length: Int32(spec.padAxis == nil ? 1 : row.length))
  }
  return MadeUpRow(tensors: tensors, length: row.length, of: row.length, blocks: blocks)
}
