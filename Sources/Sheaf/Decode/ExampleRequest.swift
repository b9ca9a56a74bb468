/// A right request for a model, as short as can be: shown to who sent a wrong one, and to who looks at a model.
public struct ExampleRequest: Sendable {
  private let signature: Signature
  private let takesText: Bool

  /// - Parameter takesText: texts become the ids of the signature's `idsInput`.
  public init(_ signature: Signature, takesText: Bool) {
    self.signature = signature
    self.takesText = takesText
  }

  /// On one line; data of more than a few elements are left out.
  public var short: String { json(most: 4) }

  /// Whole where it has few elements, else as `short`.
  public var shown: String { required.reduce(0) { $0 + extents($1).reduce(1, *) } <= 64 ? whole : short }

  /// As it can be sent.
  public var whole: String { json(most: .max) }

  private var required: [TensorSpec] { signature.inputs.filter { $0.source == .request } }

  private func extents(_ spec: TensorSpec) -> [Int] {
    let length = min(4, signature.maxLength ?? 4)
    return spec.rowExtents(length: length, signature.example)
  }

  private func json(most: Int) -> String {
    if takesText, required.count == 1 { return #"{"text":"a text"}"# }
    let inputs = required.map { spec -> String in
      let extents = extents(spec), count = extents.reduce(1, *)
      let element = spec.type == .bytes ? "\"a\"" : spec.type == .bool ? "true" : spec.type.isFloat ? "0.5" : "1"
      let data = Array(repeating: element, count: min(count, most)).joined(separator: ",") + (count > most ? ",…" : "")
      let shape = extents.map(String.init).joined(separator: ",")
      return "{\"name\":\(quoted(spec.name)),\"shape\":[\(shape)],\"datatype\":\"\(spec.type.rawValue)\",\"data\":[\(data)]}"
    }
    return "{\"inputs\":[\(inputs.joined(separator: ","))]}"
  }

  private func quoted(_ text: String) -> String {
    var out = JSONWriter()
    out.write(string: text)
    return String(decoding: out.bytes, as: UTF8.self)
  }
}
