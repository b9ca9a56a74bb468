import Glibc

extension RequestDecoder {
  /// What has to be known of an input before its data can be read.
  private struct Header {
    var name: JSONString?
    var datatype: JSONString?
    var shape: JSONShape?

    var isComplete: Bool { name != nil && datatype != nil && shape != nil }
  }

  /// One input of the protocol's array.
  func readInput(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    _ = reader.peek()
    let start = reader.position
    var header = Header()
    var hasData = false
    /// Where data stand that came before what has to be known to read them.
    var later: Int?
    try reader.take(UInt8(ascii: "{"), "an input, an object")
    var first = true
    while let key = try reader.nextKey(&first) {
      if reader.peek() == UInt8(ascii: "n") {
        try reader.literal("null")
        continue
      }
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
        if header.isComplete, !isAgain {
          try readData(header, &reader, &block, start)
        } else {
          later = reader.position
          try reader.skip()
        }
      } else if key.equals("parameters") {
        try reader.parameters("parameters of an input")
      } else {
        throw RecordFault(.wrongInput, expected: "an input of name, shape, datatype, data and parameters", came: "\(excerpt(key.raw)) at byte \(key.position)")
      }
      if isAgain { throw RecordFault(.malformed, expected: "every member of an input once", came: "another \(excerpt(key.raw)) at byte \(key.position)") }
    }
    guard hasData, header.name != nil else {
      throw RecordFault(.wrongInput, expected: "an input with name, datatype, shape and data", came: "one without \(header.name == nil ? "name" : "data") at byte \(start)")
    }
    if let later {
      let end = reader.position
      reader.position = later
      try readData(header, &reader, &block, start)
      reader.position = end
    }
  }

  private func readData(_ header: Header, _ reader: inout JSONReader, _ block: inout RequestBlock, _ start: Int) throws(RecordFault) {
    guard let name = header.name else { return }
    if textInput != nil, let datatype = header.datatype, datatype.equals("BYTES") {
      guard let shape = header.shape else { return try readTexts(&reader, &block, .any) }
      let columns = shape.rank == 2 ? shape[1] : 1
      guard shape.rank == 1 || shape.rank == 2, columns == 1 || columns == 2, shape[0] > 0 else {
        throw RecordFault(.wrongInput, expected: "shape [rows] for texts, or [rows,2] for pairs", came: shape.description)
      }
      return try readTexts(&reader, &block, .shape(shape))
    }
    let input = try find(name)
    let spec = signature.inputs[input]
    let conversion = try Conversion(header.datatype, to: spec, takesText: textInput == input)
    guard let shape = header.shape else {
      var ahead = reader
      guard let found = try ahead.nestedShape(rank: spec.shape.count) else {
        throw RecordFault(.wrongInput, expected: "an input with name, datatype, shape and data", came: "one without shape at byte \(start), whose data are not nested \(spec.shape.count) deep")
      }
      return try read(input, found, conversion, &reader, &block)
    }
    try read(input, shape, conversion, &reader, &block)
  }

  /// Data that are nested as deep as the model's shape, and so tell their own.
  func readNested(_ input: Int, _ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    let spec = signature.inputs[input]
    var ahead = reader
    _ = ahead.peek()
    guard let shape = try ahead.nestedShape(rank: spec.shape.count) else {
      throw RecordFault(.wrongInput, expected: "arrays nested \(spec.shape.count) deep, as \(spec.name) of shape \(spec.shapeDescription)", came: "others at byte \(ahead.position)")
    }
    try read(input, shape, .none, &reader, &block)
  }

  private func read(_ input: Int, _ shape: JSONShape, _ conversion: Conversion, _ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    let spec = signature.inputs[input]
    if inputs.contains(where: { $0.input == input }) { throw RecordFault(.wrongInput, expected: "every input once", came: "another \(spec.name) at byte \(reader.position)") }
    let (rows, length) = try spec.extents(of: shape)
    // An element takes at least a digit and a comma, so a shape that the text cannot fill is refused before memory is taken.
    guard let count = shape.elementCount, count <= reader.count - reader.position else { throw reader.wrongCount(shape, "fewer") }
    let offset: Int, bytes: Int
    if spec.type == .bytes {
      offset = block.append(0)
      try readStrings(shape, &reader, &block)
      bytes = block.count - offset
    } else {
      bytes = count * spec.type.size
      try checkSize(rows: rows ?? 1, length: spec.padAxis == nil ? 1 : length, bytes: bytes)
      offset = block.append(bytes)
      try reader.tensor(spec.type, shape, conversion, nonFinite: options.takesNonFinite, into: block.at(offset))
    }
    inputs.append(DecodedInput(input: input, rows: rows, length: length, shape: shape, offset: offset, byteCount: bytes))
  }

  /// Strings of a model that takes them, each behind its length.
  private func readStrings(_ shape: JSONShape, _ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    try reader.nested(shape) { reader, _, count throws(RecordFault) in
      var first = true, found = 0
      while try reader.nextElement(&first) {
        guard found < count else { throw reader.wrongCount(shape, "more") }
        let string = try reader.string("a string"), bytes = try string.unescaped(self.scratch)
        if let bad = UTF8Bytes.firstInvalid(bytes) { throw RecordFault(.malformed, expected: "strings in UTF-8", came: "a byte that is not in the one at byte \(string.position), its \(bad + 1)th") }
        let memory = block.extend(4 + bytes.count)
        memory.storeBytes(of: UInt32(bytes.count).littleEndian, as: UInt32.self)
        if let start = bytes.baseAddress { memcpy(memory + 4, start, bytes.count) }
        try self.checkSize(rows: 1, length: 1, bytes: block.count)
        found += 1
      }
      guard found == count else { throw reader.wrongCount(shape, "\(found) of \(count)") }
    }
  }

  /// The input of that name, which must not have come before.
  func find(_ name: JSONString) throws(RecordFault) -> Int {
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
}

/// What a request's numbers are to become, where their datatype is another than the model's.
enum Conversion {
  /// They are the model's, or say nothing.
  case none
  /// Whole numbers for floats: those that the float holds exactly.
  case wholeToFloat
  /// Floats for whole numbers: those without a fraction.
  case floatToWhole

  init(_ datatype: JSONString?, to spec: TensorSpec, takesText: Bool) throws(RecordFault) {
    guard let datatype, !spec.type.rawValue.utf8.elementsEqual(datatype.raw) else {
      self = .none
      return
    }
    let given = ElementType.allCases.first { $0.rawValue.utf8.elementsEqual(datatype.raw) }
    switch given {
    case .some(let given) where given.isFloat && spec.type.isFloat, .some(let given) where given.isInteger && spec.type.isInteger: self = .none
    case .some(let given) where given.isInteger && spec.type.isFloat: self = .wholeToFloat
    case .some(let given) where given.isFloat && spec.type.isInteger: self = .floatToWhole
    default:
      let types = takesText ? "\(spec.type.rawValue) or BYTES" : spec.type.rawValue
      throw RecordFault(.wrongInput, expected: "datatype \(types) for \(spec.name)", came: "\(excerpt(datatype.raw)) at byte \(datatype.position)")
    }
  }
}
