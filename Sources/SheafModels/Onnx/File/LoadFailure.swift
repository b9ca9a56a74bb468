import Glibc
import SheafONNX

extension ONNXError {
  /// Adds what to do where ONNX Runtime did not load a file, by what is in it.
  func explained(by file: String) -> ONNXError {
    guard code == .fail || code == .invalidProtobuf || code == .invalidGraph || code == .noModel || code == .notImplemented || code == .invalidArgument || code == .runtimeException else { return self }
    guard let fix = ONNXError.fix(message, start: start(of: file), GraphFacts(path: file)) else { return self }
    var error = self
    error.fix = fix
    return error
  }

  private func start(of file: String) -> String {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// Pure. - Parameters: start: the file's first bytes; facts: what could be read of it.
  static func fix(_ message: String, start: String, _ facts: GraphFacts?) -> String? {
    if start.hasPrefix("version https://git-lfs") { return "the file is a Git LFS pointer, not the model: fetch the model itself (git lfs pull)" }
    if start.drop(while: \.isWhitespace).hasPrefix("<") { return "the file is a web page, no ONNX model: download the model itself" }
    if message.contains("Unsupported model IR version") || message.contains("ONNX Runtime only *guarantees* support") {
      let sets = facts?.opsets.sorted { $0.key < $1.key }.map { "\($0.key.isEmpty ? "ai.onnx" : $0.key) \($0.value)" }.joined(separator: ", ") ?? ""
      return "the model needs a newer ONNX Runtime (IR version \(facts?.irVersion ?? 0), opset \(sets)): set runtime.library to one, or export with an older opset"
    }
    if let name = operatorName(message) {
      let domain = name.contains(":") ? String(name.split(separator: ":")[0]) : ""
      let isONNX = domain.isEmpty || domain.hasPrefix("ai.onnx") && domain != "ai.onnx.contrib" || domain.hasPrefix("com.microsoft")
      if isONNX { return "this ONNX Runtime does not know the operator \(name): a newer one may (runtime.library), or export without it" }
      return "\(name) is a custom operator of a library that ONNX Runtime has not loaded: export the model without it (what it does, tokenizing for one, happens before or after)"
    }
    if let facts, !facts.external.isEmpty, message.contains("xternal") || facts.external.contains(where: { message.contains($0) }) {
      return "its weights are in \(facts.external.sorted().joined(separator: ", ")), which has to lie beside it, whole"
    }
    if facts?.isBroken ?? true || facts?.operators.isEmpty ?? true { return "the file is damaged or no ONNX model: export or copy it again" }
    if message.contains("NOT_IMPLEMENTED") || message.contains("Could not find an implementation") {
      return "the device has no code for this operator with these types: use another device, or export with other types"
    }
    return nil
  }

  /// The operator that ONNX Runtime says it lacks, domain first; `nil`: it says something else.
  private static func operatorName(_ message: String) -> String? {
    if let end = message.firstRange(of: "(-1) is not a registered function/op") ?? message.firstRange(of: " is not a registered function/op") {
      return message[..<end.lowerBound].split(separator: " ").last.map { $0.prefix { $0 != "(" } }.map(String.init)
    }
    if let start = message.firstRange(of: "No Op registered for ") {
      return message[start.upperBound...].split(separator: " ").first.map(String.init)
    }
    return nil
  }
}
