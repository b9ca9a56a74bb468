import Glibc

extension RequestDecoder {
  /// The whole value as one text.
  func decodeText(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    guard let textInput, let text else {
      throw RecordFault(.unsupported, expected: "application/json or application/octet-stream, since the model takes no text", came: "text/plain")
    }
    guard requestInputs.count == 1 else {
      throw RecordFault(.unsupported, expected: "application/json, since the model takes \(requestInputs.count) inputs", came: "text/plain")
    }
    try text.encode(record.value, pair: nil, into: &tokens)
    let count = tokens.ids.count
    let type = signature.inputs[textInput].type
    try checkSize(rows: 1, length: count, bytes: count * type.size)
    var block = RequestBlock()
    store(count, type, in: &block)
    let bytes = block.count
    guard count > 0, let memory = block.take() else { throw RecordFault(.wrongInput, expected: "a text of one token or more", came: "none") }
    let tensor = RequestTensor(data: UnsafeRawPointer(memory), byteCount: bytes, length: Int32(count))
    return Request(record: record, rows: 1, length: Int32(count), tensor: tensor, replyFormat: replyFormat, block: memory)
  }

  /// How many texts a JSON request is to have.
  enum TextCount {
    /// One string, not in an array.
    case one
    case any
    case shape(JSONShape)
  }

  /// Reads JSON strings into rows of ids, behind one another and each as long as it is.
  func readTexts(_ reader: inout JSONReader, _ block: inout RequestBlock, _ count: TextCount) throws(RecordFault) {
    guard let textInput else { return }
    if inputs.contains(where: { $0.input == textInput }) {
      throw RecordFault(.wrongInput, expected: "every input once", came: "another \(signature.inputs[textInput].name) at byte \(reader.position)")
    }
    lengths.removeAll(keepingCapacity: true)
    let offset = block.append(0)
    switch count {
    case .one: try readText(&reader, &block, offset)
    case .any:
      try reader.take(UInt8(ascii: "["), "texts, an array of strings")
      try readRun(&reader, &block, offset)
    case .shape(let shape):
      try reader.nested(shape) { reader, _, count throws(RecordFault) in
        let before = self.lengths.count
        try self.readRun(&reader, &block, offset)
        guard self.lengths.count - before == count else { throw reader.wrongCount(shape, "\(self.lengths.count - before) of \(count)") }
      }
    }
    guard let longest = lengths.max(), let shortest = lengths.min(), shortest > 0 else {
      throw RecordFault(.wrongInput, expected: "at least one text, each of one token or more", came: "none at byte \(reader.position)")
    }
    var input = DecodedInput(
      input: textInput, rows: lengths.count, length: Int(longest), offset: offset, byteCount: block.count - offset)
    if shortest != longest {
      let lengthsOffset = block.append(lengths.count * MemoryLayout<Int32>.stride)
      input.lengthsOffset = lengthsOffset
      lengths.withUnsafeBytes { _ = memcpy(block.at(lengthsOffset), $0.baseAddress!, $0.count) }
    }
    inputs.append(input)
  }

  /// The strings of one array, its bracket taken.
  private func readRun(_ reader: inout JSONReader, _ block: inout RequestBlock, _ offset: Int) throws(RecordFault) {
    var first = true
    while try reader.nextElement(&first) { try readText(&reader, &block, offset) }
  }

  private func readText(_ reader: inout JSONReader, _ block: inout RequestBlock, _ offset: Int) throws(RecordFault) {
    guard let textInput, let text else { return }
    let string = try reader.string("a text, a string")
    try text.encode(try string.unescaped(scratch), pair: nil, into: &tokens)
    let count = tokens.ids.count
    let type = signature.inputs[textInput].type
    store(count, type, in: &block)
    lengths.append(Int32(count))
    // Before the next one, so that a request that no batch can hold takes no more memory than one that a batch can.
    try checkSize(rows: lengths.count, length: Int(lengths.max() ?? 1), bytes: block.count - offset)
  }

  /// Puts the first `count` ids behind what is in the block, in the input's type.
  private func store(_ count: Int, _ type: ElementType, in block: inout RequestBlock) {
    let memory = block.extend(count * type.size)
    if type == .int64 {
      tokens.ids.withUnsafeBytes { _ = memcpy(memory, $0.baseAddress!, count * 8) }
    } else {
      let narrow = memory.assumingMemoryBound(to: Int32.self)
      for index in 0..<count { narrow[index] = Int32(truncatingIfNeeded: tokens.ids[index]) }
    }
  }
}
