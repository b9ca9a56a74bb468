/// The request of the Open Inference Protocol (v2), and shorter forms of it.
///
///     {"id": "7", "inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}]}
///     {"inputs": [[1, 2, 3], [4, 5, 6]]}   {"inputs": {"x": [[1, 2, 3]]}}   {"instances": [[1, 2, 3]]}   [[1, 2, 3]]
///     {"text": "one"}   {"texts": ["one", "two"]}   {"text": "one", "text_pair": "two"}   {"texts": [["one", "two"]]}   ["one"]
extension RequestDecoder {
  /// Reads a request into one block of memory. Nothing of it is passed over: what is not known, or not done, is a fault that names it.
  ///
  /// - `data` may be flat or nested as `shape` says. Where `datatype` is left out it is the model's; numbers of another type are
  ///   taken where nothing is lost.
  /// - Short forms of one input are nested as deep as the model's shape; several are named.
  /// - An input of datatype BYTES holds texts, a row each, whatever its name, where the model takes texts: shape `[rows]`,
  ///   `[rows, 1]`, or `[rows, 2]` for pairs.
  /// - Inputs that the worker makes up where they are left out (masks, token types) are used where they are there.
  /// - `outputs` chooses what is answered, and in which order. A member that is null is as if it were not there.
  ///
  /// - Throws: faults that show a right request.
  func decodeJSON(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    do throws(RecordFault) { return try readJSON(record, replyFormat) } catch {
      switch error.code {
      case .malformed, .wrongInput, .unsupported: throw error.showing(example)
      default: throw error
      }
    }
  }

  private func readJSON(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    if let fault = Framing.fault(record.value) { throw fault }
    var reader = JSONReader(Framing.withoutMark(record.value))
    reader.takesNonFinite = options.takesNonFinite
    var block = RequestBlock()
    inputs.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    types.removeAll(keepingCapacity: true)
    var members = Members()
    switch reader.peek() {
    case UInt8(ascii: "["): try readRows(&reader, &block)
    case UInt8(ascii: "\"") where textInput != nil: try readTexts(&reader, &block, .one)
    default: try readMembers(&reader, &block, &members)
    }
    try reader.end()
    if members.text != nil || members.textPair != nil || !members.hasInputs { try readText(members, reader, &block) }
    var request = try assemble(record, replyFormat, block)
    if let id = members.id { request.id = id.raw }
    if let outputs = members.outputs {
      request.outputs = UnsafeBufferPointer(start: (request.block! + outputs.offset).assumingMemoryBound(to: UInt16.self), count: outputs.count)
    }
    return request
  }

  /// What a request says beside its inputs.
  private struct Members {
    var id: JSONString?
    /// They have been read, or are the rows themselves.
    var hasInputs = true
    /// Where texts stand that are read once it is known whether they are pairs.
    var text: Int?
    var textPair: Int?
    /// Where the indices of chosen outputs lie in the block.
    var outputs: (offset: Int, count: Int)?
  }

  private func readMembers(_ reader: inout JSONReader, _ block: inout RequestBlock, _ members: inout Members) throws(RecordFault) {
    try reader.take(UInt8(ascii: "{"), "a request, a JSON object")
    members.hasInputs = false
    var first = true, hasOutputs = false
    while let key = try reader.nextKey(&first) {
      if reader.peek() == UInt8(ascii: "n") {
        try reader.literal("null")
        continue
      }
      func once(_ isAgain: Bool) throws(RecordFault) {
        if isAgain { throw RecordFault(.malformed, expected: "inputs, texts and every other member once", came: "another, \(excerpt(key.raw)), at byte \(key.position)") }
      }
      if key.equals("inputs") || key.equals("instances") {
        try once(members.hasInputs || members.text != nil)
        members.hasInputs = true
        try readRows(&reader, &block, isInstances: key.equals("instances"))
      } else if textInput != nil, key.equals("text") || key.equals("texts") || key.equals("input") {
        try once(members.hasInputs || members.text != nil)
        members.text = reader.position
        try reader.skip()
      } else if textInput != nil, key.equals("text_pair") {
        try once(members.textPair != nil)
        members.textPair = reader.position
        try reader.skip()
      } else if key.equals("outputs") {
        try once(hasOutputs)
        hasOutputs = true
        members.outputs = try readOutputs(&reader, &block)
      } else if key.equals("id") {
        try once(members.id != nil)
        members.id = try readID(&reader)
      } else {
        try readOther(key, &reader)
      }
    }
  }

  private func readID(_ reader: inout JSONReader) throws(RecordFault) -> JSONString {
    let id = try reader.string("an id, a string")
    if let bad = UTF8Bytes.firstInvalid(id.raw) {
      throw RecordFault(.malformed, expected: "an id in UTF-8", came: "a byte that is not at byte \(id.position + bad)")
    }
    return id
  }

  /// Members that say what is so anyway; all others are faults.
  private func readOther(_ key: JSONString, _ reader: inout JSONReader) throws(RecordFault) {
    if key.equals("parameters") {
      try reader.parameters("parameters")
    } else if key.equals("model") {
      // Clients made for several models have to name one; here there is no choice.
      _ = try reader.string("a model's name, a string")
    } else if key.equals("model_name") {
      let name = try reader.string("a model's name, a string"), bytes = try name.unescaped(scratch)
      guard modelName.isEmpty || equals(bytes, modelName) else {
        throw RecordFault(.wrongInput, expected: "model \(modelName), or none named", came: "\(excerpt(name.raw)) at byte \(name.position)")
      }
    } else if key.equals("model_version") {
      let version = try reader.string("a model's version, a string")
      guard version.raw.isEmpty || modelVersion.map({ equals(version.raw, $0) }) ?? false else {
        throw RecordFault(.unsupported, expected: modelVersion.map { "model_version \($0), or none" } ?? "no model_version, since this worker's model has none", came: "\(excerpt(version.raw)) at byte \(version.position)")
      }
    } else {
      try reader.skip()  // What is no JSON is told of first.
      let known = "id, inputs, outputs, parameters" + (textInput == nil ? "" : ", text, texts, text_pair")
      throw RecordFault(.wrongInput, expected: "members \(known)", came: "\(excerpt(key.raw)) at byte \(key.position), which this worker does not know")
    }
  }

  private func readText(_ members: Members, _ reader: JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    guard let position = members.text else {
      if members.textPair != nil { throw RecordFault(.wrongInput, expected: "a member \"text\" beside \"text_pair\"", came: "none") }
      throw RecordFault(.wrongInput, expected: textInput == nil ? "a member \"inputs\"" : "a member \"inputs\", \"text\" or \"texts\"", came: "none")
    }
    var reader = reader
    reader.position = position
    if let pair = members.textPair { try readPair(&reader, at: pair, &block) } else { try readTexts(&reader, &block, .any) }
  }

  /// The value of `inputs`: an array of the protocol's inputs, an object of named ones, or rows.
  private func readRows(_ reader: inout JSONReader, _ block: inout RequestBlock, isInstances: Bool = false) throws(RecordFault) {
    switch reader.peek() {
    case UInt8(ascii: "{") where !isInstances: return try readNamed(&reader, &block)
    case UInt8(ascii: "\"") where textInput != nil: return try readTexts(&reader, &block, .one)
    case UInt8(ascii: "["): break
    default: throw reader.unexpected("inputs, an array")
    }
    var ahead = reader
    ahead.position += 1
    switch ahead.peek() {
    case UInt8(ascii: "{") where isInstances:
      throw RecordFault(.unsupported, expected: "instances as rows of one input; several are named in \"inputs\"", came: "an object at byte \(ahead.position)")
    case UInt8(ascii: "{"), UInt8(ascii: "]"):
      var first = true
      try reader.take(UInt8(ascii: "["), "inputs, an array")
      while try reader.nextElement(&first) { try readInput(&reader, &block) }
    case UInt8(ascii: "\"") where textInput != nil: try readTexts(&reader, &block, .any)
    default:
      guard requestInputs.count == 1, let input = requestInputs.first else {
        throw RecordFault(.wrongInput, expected: "inputs by name, since the model takes \(requestInputs.count)", came: "rows at byte \(reader.position)")
      }
      if textInput != nil, ahead.isArrayOfStrings { try readTexts(&reader, &block, .any) } else { try readNested(input, &reader, &block) }
    }
  }

  /// `{"a": [[1, 2]], "b": [[3]]}`
  private func readNamed(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    try reader.take(UInt8(ascii: "{"), "inputs, an object")
    var first = true
    while let key = try reader.nextKey(&first) {
      if reader.peek() == UInt8(ascii: "n") {
        try reader.literal("null")
        continue
      }
      try readNested(try find(key), &reader, &block)
    }
  }

  func equals(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Bool {
    var text = text
    return text.withUTF8 { $0.elementsEqual(bytes) }
  }
}

extension RecordFault {
  /// The same with a right request beside what would have been right.
  fileprivate func showing(_ example: String) -> RecordFault {
    RecordFault(code, expected: "\(expected) (such a request is \(example))", came: came)
  }
}

extension JSONReader {
  /// Whether an array begins here whose first element is a string.
  fileprivate var isArrayOfStrings: Bool {
    var ahead = self
    guard ahead.takes(UInt8(ascii: "[")) else { return false }
    return ahead.peek() == UInt8(ascii: "\"")
  }

  /// Reads `parameters`: those that ask for what is done anyway are taken, all others are a fault.
  mutating func parameters(_ place: String) throws(RecordFault) {
    try take(UInt8(ascii: "{"), "\(place), an object")
    var first = true
    while let key = try nextKey(&first) {
      let start = peek(), position = position
      if start == UInt8(ascii: "n") {
        try literal("null")
      } else if key.equals("binary_data_output") || key.equals("binary_data"), start == UInt8(ascii: "f") {
        try literal("false")
      } else if key.equals("priority") || key.equals("timeout"), start == UInt8(ascii: "0") {
        _ = try decimal("0")
      } else {
        throw RecordFault(.unsupported, expected: "\(place) without \(excerpt(key.raw)), which this worker does not do", came: "it at byte \(position)")
      }
    }
  }
}
