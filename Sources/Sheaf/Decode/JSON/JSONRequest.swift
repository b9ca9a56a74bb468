import Glibc

/// The request of the Open Inference Protocol (v2), and two short forms for texts.
///
///     {"id": "7", "inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}]}
///     {"text": "one"}                {"texts": ["one", "two"]}
extension RequestDecoder {
  /// Reads a request into one block of memory.
  ///
  /// - `data` may be flat or nested as `shape` says; `datatype` has to be the model's.
  /// - An input of datatype BYTES holds texts, a row each, whatever its name, where the model takes texts; its shape is `[rows]`
  ///   or `[rows, 1]`.
  /// - Inputs that the worker fills itself may be present if they say what it would say: a mask only ones, a constant its value.
  /// - Every output is answered: `outputs` and `parameters`, like any other member that is not known, are read over.
  func decodeJSON(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    var reader = JSONReader(record.value)
    var block = RequestBlock()
    var id: JSONString?
    var hasInputs = false
    inputs.removeAll(keepingCapacity: true)

    try reader.take(UInt8(ascii: "{"), "a request, a JSON object")
    var first = true
    while let key = try reader.nextKey(&first) {
      if key.equals("inputs") || textInput != nil && (key.equals("text") || key.equals("texts")) {
        if hasInputs { throw RecordFault(.malformed, expected: "inputs, text or texts once", came: "another at byte \(key.position)") }
        hasInputs = true
        if key.equals("inputs") {
          try readInputs(&reader, &block)
        } else {
          try readTexts(&reader, &block, key.equals("text") ? .one : .any)
        }
      } else if key.equals("id") {
        if id != nil { throw RecordFault(.malformed, expected: "one id", came: "another at byte \(key.position)") }
        let string = try reader.string("an id, a string")
        if let bad = UTF8Bytes.firstInvalid(string.raw) {
          throw RecordFault(.malformed, expected: "an id in UTF-8", came: "a byte that is not at byte \(string.position + bad)")
        }
        id = string
      } else {
        try reader.skip()
      }
    }
    try reader.end()
    guard hasInputs else {
      throw RecordFault(.wrongInput, expected: textInput == nil ? "a member \"inputs\"" : "a member \"inputs\", \"text\" or \"texts\"", came: "none")
    }
    var request = try assemble(record, replyFormat, block)
    if let id { request.id = id.raw }
    return request
  }

  private func readInputs(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    try reader.take(UInt8(ascii: "["), "inputs, an array")
    var first = true
    while try reader.nextElement(&first) { try readInput(&reader, &block) }
  }

  /// What has to be known of an input before its data can be read.
  private struct Header {
    var name: JSONString?
    var datatype: JSONString?
    var shape: JSONShape?

    var isComplete: Bool { name != nil && datatype != nil && shape != nil }
  }

  private func readInput(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    let start = reader.position
    var header = Header()
    var laterData: Int?
    var hasData = false
    try reader.take(UInt8(ascii: "{"), "an input, an object")
    var first = true
    while let key = try reader.nextKey(&first) {
      var isAgain = false
      if key.equals("name") {
        isAgain = header.name != nil
        header.name = try reader.string("a name, a string")
      } else if key.equals("datatype") {
        isAgain = header.datatype != nil
        header.datatype = try reader.string("a datatype, a string")
      } else if key.equals("shape") {
        isAgain = header.shape != nil
        header.shape = try reader.shape()
      } else if key.equals("data") {
        isAgain = hasData
        hasData = true
        if header.isComplete {
          try readData(header, &reader, &block)
        } else {
          laterData = reader.position
          try reader.skip()
        }
      } else {
        try reader.skip()
      }
      if isAgain { throw RecordFault(.malformed, expected: "every member of an input once", came: "another \(excerpt(key.raw)) at byte \(key.position)") }
    }
    guard hasData, header.isComplete else {
      let missing = header.name == nil ? "name" : header.datatype == nil ? "datatype" : header.shape == nil ? "shape" : "data"
      throw RecordFault(.wrongInput, expected: "an input with name, datatype, shape and data", came: "one without \(missing) at byte \(start)")
    }
    if let laterData {
      let end = reader.position
      reader.position = laterData
      try readData(header, &reader, &block)
      reader.position = end
    }
  }

  private func readData(_ header: Header, _ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    guard let name = header.name, let datatype = header.datatype, let shape = header.shape else { return }
    if textInput != nil, datatype.equals("BYTES") {
      let isColumn = shape.rank == 2 && shape[1] == 1
      guard shape.rank == 1 || isColumn, shape[0] > 0 else {
        throw RecordFault(.wrongInput, expected: "shape [rows] for texts", came: shape.description)
      }
      return try readTexts(&reader, &block, .shape(shape))
    }
    let input = try find(name)
    let spec = signature.inputs[input]
    guard equals(datatype.raw, spec.type.rawValue) else {
      let types = textInput == input ? "\(spec.type.rawValue) or BYTES" : spec.type.rawValue
      throw RecordFault(.wrongInput, expected: "datatype \(types) for \(spec.name)", came: "\(excerpt(datatype.raw)) at byte \(datatype.position)")
    }
    let (rows, length) = try spec.extents(of: shape)
    // An element takes at least a digit and a comma, so a shape that the text cannot fill is refused before memory is taken.
    guard let count = shape.elementCount, count <= reader.count - reader.position else { throw reader.wrongCount(shape, "fewer") }
    let bytes = count * spec.type.size
    try checkSize(rows: rows ?? 1, length: length, bytes: bytes)
    let offset = block.append(bytes)
    try reader.tensor(spec.type, shape, into: block.at(offset))
    inputs.append(DecodedInput(input: input, rows: rows, length: length, offset: offset, byteCount: bytes))
  }

  /// The input of that name, which must not have come before.
  private func find(_ name: JSONString) throws(RecordFault) -> Int {
    let bytes = try name.unescaped(scratch)
    for (index, spec) in signature.inputs.enumerated() where equals(bytes, spec.name) {
      if inputs.contains(where: { $0.input == index }) {
        throw RecordFault(.wrongInput, expected: "every input once", came: "another \(spec.name) at byte \(name.position)")
      }
      return index
    }
    let names = signature.inputs.map(\.name).joined(separator: ", ")
    throw RecordFault(.wrongInput, expected: "an input of the model: \(names)", came: "\(excerpt(bytes)) at byte \(name.position)")
  }

  private func equals(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Bool {
    var text = text
    return text.withUTF8 { $0.count == bytes.count && (bytes.isEmpty || memcmp($0.baseAddress!, bytes.baseAddress!, bytes.count) == 0) }
  }
}
