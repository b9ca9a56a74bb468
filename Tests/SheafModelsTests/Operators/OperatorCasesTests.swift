import Foundation
import SheafONNX
import Testing
@testable import Sheaf
@testable import SheafModels

/// ONNX's own cases of every operator, as models that a worker serves: `scripts/operator-cases` writes them into a folder, ONNX_CASES
/// names it. Prints how many are answered rightly, and why the others are not answered.
struct OperatorCasesTests {
  static let folder = ProcessInfo.processInfo.environment["ONNX_CASES"]

  enum Outcome: Hashable {
    case right(isBatched: Bool)
    case wrong
    case refused(String)
  }

  @Test(.enabled(if: folder != nil, "set ONNX_CASES to what scripts/operator-cases wrote")) func casesAreAnsweredAsTheyShouldBe() throws {
    let folder = try #require(Self.folder), runtime = try runtime()
    var outcomes: [Outcome: [String]] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      if ProcessInfo.processInfo.environment["ONNX_CASES_VERBOSE"] != nil { print(name) }
      outcomes[try outcome("\(folder)/\(name)", runtime), default: []].append(name)
    }
    for (outcome, names) in outcomes.sorted(by: { $0.value.count > $1.value.count }) { print("operator cases: \(names.count): \(outcome): \(names.prefix(4).joined(separator: ", "))") }
    #expect(outcomes[.wrong] == nil, "\(outcomes[.wrong] ?? [])")
  }

  private func outcome(_ path: String, _ runtime: Runtime) throws -> Outcome {
    let model: OnnxModel
    do { model = try OnnxModel(OnnxOptions(path: path + "/model.onnx"), runtime: runtime) } catch let error as ONNXError {
      return .refused("ONNX Runtime does not load it: \(OperatorCasesTests.kind(error))")
    } catch {
      return .refused("types that requests or replies cannot carry")
    }
    if model.signature.inputs.isEmpty { return .refused("no inputs") }
    let served = try Served(model, nonFinite: true)
    let set = path + "/test_data_set_0"
    func files(_ kind: String) -> [TensorFile?] { (0..<64).map { "\(set)/\(kind)_\($0).pb" }.prefix { FileManager.default.fileExists(atPath: $0) }.map { TensorFile($0) } }
    let given = files("input"), wanted = files("output")
    if given.contains(where: { $0 == nil }) || wanted.contains(where: { $0 == nil }) { return .refused("values that are no tensors, or of types that requests cannot carry") }
    let inputs = given.compactMap(\.self)

    func request(reversed: Bool) -> String? {
      var tensors: [String] = []
      for spec in model.signature.inputs {
        guard let input = inputs.first(where: { $0.name == spec.name }) else { continue }
        guard let elements = input.elements(reversed: reversed && spec.batchAxis != nil) else { return nil }
        tensors.append("{\"name\":\"\(spec.name)\",\"shape\":\(input.shape),\"datatype\":\"\(spec.type.rawValue)\",\"data\":[\(elements.joined(separator: ","))]}")
      }
      return "{\"inputs\":[\(tensors.joined(separator: ","))]}"
    }
    guard let right = request(reversed: false), let other = request(reversed: true) else { return .refused("types that requests cannot carry") }
    var replies: [Served.Reply]
    var isBatched = false
    do {
      replies = try served.ask([right])
      if let error = replies[0].error { return .refused("a request is refused: \(error.prefix(60))") }
      // In company of other rows; what those make the model refuse, a worker would find out by halving.
      if model.signature.mostRows > 1, let together = try? served.ask([right, other, right]) {
        isBatched = served.batches.last.map { $0 > 1 } ?? false
        replies += [together[0], together[2]]
      }
    } catch { return .refused("a run fails: \(OperatorCasesTests.kind(error))") }
    for (index, spec) in model.signature.outputs.enumerated() {
      guard let wanted = wanted.compactMap(\.self).first(where: { $0.name == spec.name }) ?? (index < wanted.count ? wanted[index] : nil) else { continue }
      for reply in replies {
        guard let output = reply[spec.name], isNear(output, wanted) else {
          return try isRuntimes(model, inputs, spec, wanted) ? .refused("ONNX Runtime itself answers otherwise") : .wrong
        }
      }
    }
    return .right(isBatched: isBatched)
  }

  private static func kind(_ error: any Error) -> String {
    let text = "\(error)"
    for words in ["not a registered function", "Could not find an implementation", "Unsupported model IR version", "only *guarantees*", "Type Error", "ShapeInferenceError", "opset"] where text.contains(words) { return words }
    return String(text.split(separator: ":").last ?? "").trimmingCharacters(in: .whitespaces)
  }

  private func isNear(_ output: Served.Output, _ wanted: TensorFile) -> Bool {
    guard output.shape == wanted.shape else { return false }
    guard let numbers = wanted.numbers else { return zip(output.texts, wanted.elements(reversed: false) ?? []).allSatisfy { "\"\($0)\"" == $1 || $1.contains("\\") } }
    return output.numbers.count == numbers.count && zip(output.numbers, numbers).allSatisfy { !$1.isFinite && $0.isNaN || $0 == $1 || abs($0 - $1) <= 1e-3 * abs($1) + 1e-5 }
  }

  /// Whether the runtime alone, asked directly, answers otherwise, or otherwise every time.
  private func isRuntimes(_ model: OnnxModel, _ inputs: [TensorFile], _ spec: TensorSpec, _ wanted: TensorFile) throws -> Bool {
    let runner = Runner(model.session)
    guard let index = model.session.outputs.firstIndex(where: { $0.name == spec.name }), inputs.count == model.session.inputs.count else { return false }
    func numbers() throws -> Served.Output? {
      var views: [TensorView] = []
      for info in model.session.inputs {
        guard let input = inputs.first(where: { $0.name == info.name }) else { return nil }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, input.bytes.count), alignment: 64)
        memory.copyBytes(from: input.bytes)
        views.append(TensorView(input.type, input.shape, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<input.bytes.count])))
      }
      try runner.run(views)
      let view = try runner.output(index)
      var file = wanted
      (file.type, file.shape, file.bytes) = (view.type, view.shape, Array(view.bytes))
      return Served.Output(shape: view.shape, numbers: file.numbers ?? [])
    }
    guard let first = try numbers(), let second = try numbers() else { return false }
    return !isNear(first, wanted) || first != second
  }
}
