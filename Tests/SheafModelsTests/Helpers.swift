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
func run(_ model: OnnxModel, _ rows: [[Double]], paddedTo length: Int? = nil) throws -> [[[Double]]] {
  let isPadded = model.signature.inputs.contains { $0.padAxis != nil }
  return try run(model, rows.map { row in
    SampleRow(length: isPadded ? row.count : 1, inputs: model.signature.inputs.map { $0.source == .request ? row : [] })
  }, paddedTo: length)
}

func run(_ model: OnnxModel, _ rows: [SampleRow], paddedTo length: Int? = nil) throws -> [[[Double]]] {
  let batch = ModelBatch(signature: model.signature)
  let context = try model.makeContext()
  batch.fill(rows, paddedTo: length)
  try context.run(batch)
  return model.signature.outputs.indices.map { output in rows.indices.map { batch.outputRow(output, row: $0, length: rows[$0].length) } }
}
