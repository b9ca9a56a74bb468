import Sheaf

extension PostProcessor {
  /// The `post_processor` of tokenizer.json.
  init(_ part: FilePart?) throws(ConfigurationError) {
    self.init()
    guard let part else { return }
    for part in try Self.flattened(part) {
      switch part.type {
      case "ByteLevel": try trim(part)
      case "BertProcessing": try bert(part)
      case "RobertaProcessing": try roberta(part)
      case "TemplateProcessing": try template(part)
      default: throw part.refusedType()
      }
    }
  }

  /// A sequence's parts that do something, of which only the last adds tokens.
  private static func flattened(_ part: FilePart) throws(ConfigurationError) -> [FilePart] {
    if part.type == "ByteLevel", try !part.bool("trim_offsets", default: true) { return [] }
    guard part.type == "Sequence" else { return [part] }
    guard let members = part["processors"] else { throw part.refused("has no processors") }
    var parts: [FilePart] = []
    for member in try members.elements() { parts += try flattened(member) }
    if let last = parts.dropLast().first(where: { $0.type != "ByteLevel" }) {
      throw last.refused(last.type, "is not the last of its sequence, which is not supported")
    }
    return parts
  }

  private mutating func trim(_ part: FilePart) throws(ConfigurationError) {
    guard try part.bool("trim_offsets", default: true) else { return }
    trims.append(Trim(hasPrefixSpace: try part.bool("add_prefix_space", default: true)))
  }

  private mutating func bert(_ part: FilePart) throws(ConfigurationError) {
    let first = try Self.token(part, "cls"), last = try Self.token(part, "sep")
    single = [.special(ids: [first], type: 0), .text(isSecond: false, type: 0), .special(ids: [last], type: 0)]
    pair = single + [.text(isSecond: true, type: 1), .special(ids: [last], type: 1)]
  }

  private mutating func roberta(_ part: FilePart) throws(ConfigurationError) {
    try trim(part)
    let first = try Self.token(part, "cls"), last = try Self.token(part, "sep")
    single = [.special(ids: [first], type: 0), .text(isSecond: false, type: 0), .special(ids: [last], type: 0)]
    pair = single + [.special(ids: [last], type: 0), .text(isSecond: true, type: 0), .special(ids: [last], type: 0)]
  }

  /// A name and an id.
  private static func token(_ part: FilePart, _ name: StaticString) throws(ConfigurationError) -> Int64 {
    guard let token = part[name], case let members = try token.elements(), members.count == 2 else { throw part.refused("has no \(name)") }
    return Int64(try members[1].id())
  }

  // MARK: Templates

  private mutating func template(_ part: FilePart) throws(ConfigurationError) {
    guard let template = part["single"] else { throw part.refused("has no single") }
    single = try Self.parts(template, of: part)
    let texts = single.filter(\.isText)
    guard texts == [.text(isSecond: false, type: texts.first?.type ?? 0)] else {
      throw template.refused("has not one place for a text but \(texts.count), or one for a second text, which is not supported")
    }
    pair = try part["pair"].map { template throws(ConfigurationError) in try Self.parts(template, of: part) }
    // Where a template has not both texts once there are no pairs.
    if let places = pair?.filter(\.isText), places.count != 2 || places[0].isSecond == places[1].isSecond { pair = nil }
  }

  private static func parts(_ template: FilePart, of part: FilePart) throws(ConfigurationError) -> [Part] {
    var parts: [Part] = []
    for step in try template.elements() {
      if let sequence = step["Sequence"] {
        let id = try sequence.requiredString("id")
        guard id == "A" || id == "B" else { throw sequence.refused(id, "is neither A nor B") }
        parts.append(.text(isSecond: id == "B", type: Int64(try sequence["type_id"]?.id() ?? 0)))
      } else if let special = step["SpecialToken"] {
        let name = try special.requiredString("id")
        guard let ids = part["special_tokens"]?.node[Array(name.utf8)[...]]?["ids"]?.array else {
          throw special.refused(name, "is not among the special_tokens")
        }
        let numbers = ids.compactMap { $0.int.flatMap { Int32(exactly: $0) } }.filter { $0 >= 0 }
        guard numbers.count == ids.count else { throw special.refused(name, "has an id that is no number from 0 to 2147483647") }
        parts.append(.special(ids: numbers.map { Int64($0) }, type: Int64(try special["type_id"]?.id() ?? 0)))
      } else {
        throw step.refused("is neither Sequence nor SpecialToken")
      }
    }
    return parts
  }
}

extension PostProcessor.Part {
  var isText: Bool { if case .text = self { true } else { false } }
  var isSecond: Bool { if case .text(true, _) = self { true } else { false } }
  var type: Int64 {
    switch self {
    case .special(_, let type), .text(_, let type): type
    }
  }
}
