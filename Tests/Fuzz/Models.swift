import Glibc
import SheafONNX

@testable import Sheaf
@testable import SheafModels

/// An ONNX file, as far as it is read before it is loaded.
func decodeGraph(_ bytes: UnsafeRawBufferPointer) {
  let facts = GraphFacts(bytes)
  check(facts.operators.values.allSatisfy { $0 > 0 }, "operators without nodes")
  check(ONNXError.fix("Fatal error: \(facts.quantisers.first ?? "x:y")(-1) is not a registered function/op", start: "", facts) != nil, "no advice")
}

/// The small files of a sentence-transformers folder, one after another with a blank line between them.
func decodeFolder(_ bytes: UnsafeRawBufferPointer) {
  let names = ["modules.json", "1_Pooling/config.json", "2_Dense/config.json", "3_LayerNorm/config.json", "config.json", "config_sentence_transformers.json", "2_Dense/model.safetensors"]
  for (name, part) in zip(names, bytes.lines(names.count)) { write(part, name) }
  do throws(ConfigurationError) {
    let folder = try ModelFolder(place + "/model.onnx")
    _ = try ModelConfig(folder)
    _ = try Prompts(folder).text(.asFolder)
    let modules = try SentenceModules(folder)
    for step in modules.steps { if case .dense(let dense) = step { check(dense.weight.count == dense.inputs * dense.outputs, "weights of another shape") } }
  } catch { check(!error.fix.isEmpty && !error.problem.isEmpty, "\(error)") }
}

/// A file of tensors: whatever its header says, what it gives has the shape that was asked for.
func decodeSafetensors(_ bytes: UnsafeRawBufferPointer) {
  write(bytes, "model.safetensors")
  do throws(ConfigurationError) { check(try Safetensors(place + "/model.safetensors").tensor("linear.weight", shape: [2, 2]).count == 4, "another shape") } catch {
    check(!error.fix.isEmpty, "\(error)")
  }
}

private func write(_ bytes: UnsafeRawBufferPointer, _ name: String) {
  let file = fopen("\(place)/\(name)", "wb")!
  fwrite(bytes.baseAddress, 1, bytes.count, file)
  fclose(file)
}

private let place: String = {
  var template = Array("/dev/shm/sheaf-fuzz-XXXXXX".utf8CString)
  let place = String(cString: mkdtemp(&template))
  for folder in ["1_Pooling", "2_Dense", "3_LayerNorm"] { mkdir("\(place)/\(folder)", 0o700) }
  return place
}()
