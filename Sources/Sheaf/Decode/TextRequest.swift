import Glibc

extension RequestDecoder {
  /// A value whose headers do not say what it is, where records are texts: JSON objects are requests, since nobody means one as a text.
  func decodeUnlabelled(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    let kind = textInput == nil ? nil : Framing.json(Framing.withoutMark(record.value))
    if kind == UInt8(ascii: "{") {
      do throws(RecordFault) { return try decodeJSON(record, replyFormat) } catch {
        throw RecordFault(error.code, expected: "\(error.expected); it was read as JSON since it is an object, a header content-type: text/plain makes it a text", came: error.came)
      }
    }
    let request = try decodeText(record, replyFormat)
    if kind != nil { notice = "texts that are JSON (\(excerpt(record.value))) are read as they stand, quotes and brackets included; a header content-type: application/json, or topics.format: json, would have them read as JSON" }
    return request
  }

  /// The whole value as one text.
  func decodeText(_ record: Record, _ replyFormat: ReplyFormat) throws(RecordFault) -> Request {
    guard let textInput, let text else {
      throw RecordFault(.unsupported, expected: "application/json or application/octet-stream, since the model takes no text (such a request is \(example))", came: "text/plain")
    }
    guard requestInputs.count == 1 else {
      throw RecordFault(.unsupported, expected: "application/json, since the model takes \(requestInputs.count) inputs (such a request is \(example))", came: "text/plain")
    }
    if let fault = Framing.fault(record.value) { throw fault }
    inputs.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    types.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    try encode(Framing.withoutMark(record.value), text)
    var block = RequestBlock()
    try storeTokens(&block)
    try finishTexts(textInput, rows: 1, &block, at: 0)
    return try assemble(record, replyFormat, block)
  }

  /// How many texts a JSON request is to have.
  enum TextCount {
    /// One string, not in an array.
    case one
    /// One string, or an array of strings or pairs.
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
    types.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    let offset = block.append(0)
    switch count {
    case .any where reader.peek() == UInt8(ascii: "["): try readRun(&reader, &block)
    case .one, .any: try readText(&reader, &block)
    case .shape(let shape):
      let isPairs = shape.rank == 2 && shape[1] == 2
      if isPairs {
        try readFlatPairs(shape, &reader, &block)
      } else {
        try reader.nested(shape) { reader, _, count throws(RecordFault) in
          let before = self.lengths.count
          var first = true
          while try reader.nextElement(&first) { try self.readText(&reader, &block) }
          guard self.lengths.count - before == count else { throw reader.wrongCount(shape, "\(self.lengths.count - before) of \(count)") }
        }
      }
    }
    guard !lengths.isEmpty else { throw RecordFault(.wrongInput, expected: "at least one text", came: "none at byte \(reader.position)") }
    try finishTexts(textInput, rows: lengths.count, &block, at: offset)
  }

  /// `"text": "one", "text_pair": "two"`; both may be arrays of as many.
  func readPair(_ first: inout JSONReader, at position: Int, _ block: inout RequestBlock) throws(RecordFault) {
    guard let textInput else { return }
    var second = first
    second.position = position
    lengths.removeAll(keepingCapacity: true)
    types.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    let offset = block.append(0)
    if first.peek() == UInt8(ascii: "["), second.peek() == UInt8(ascii: "[") {
      first.position += 1
      second.position += 1
      var isFirst = true, isFirstOfSecond = true
      while try first.nextElement(&isFirst) {
        guard try second.nextElement(&isFirstOfSecond) else { throw RecordFault(.wrongInput, expected: "as many in text_pair as there are texts", came: "fewer") }
        try encodePair(&first, &second, &block)
      }
      guard try !second.nextElement(&isFirstOfSecond) else { throw RecordFault(.wrongInput, expected: "as many in text_pair as there are texts", came: "more") }
      guard !lengths.isEmpty else { throw RecordFault(.wrongInput, expected: "at least one pair", came: "none") }
    } else {
      try encodePair(&first, &second, &block)
    }
    try finishTexts(textInput, rows: lengths.count, &block, at: offset)
  }

  /// An array of strings, or of pairs of them.
  private func readRun(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    try reader.take(UInt8(ascii: "["), "texts, an array of strings")
    var first = true
    while try reader.nextElement(&first) {
      if reader.peek() == UInt8(ascii: "[") {
        reader.position += 1
        try readPairOfArray(&reader, &block)
      } else {
        try readText(&reader, &block)
      }
    }
  }

  /// Two strings of an array whose bracket is taken, and its end.
  private func readPairOfArray(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    var first = true
    guard try reader.nextElement(&first) else { throw RecordFault(.wrongInput, expected: "a pair of texts", came: "an empty array at byte \(reader.position)") }
    var second = reader
    _ = try second.string("a text, a string")
    guard try second.nextElement(&first) else { throw RecordFault(.wrongInput, expected: "a pair of texts", came: "one at byte \(reader.position)") }
    try encodePair(&reader, &second, &block)
    reader = second
    guard try !reader.nextElement(&first) else { throw RecordFault(.wrongInput, expected: "a pair of texts", came: "more of them at byte \(reader.position)") }
  }

  private func readFlatPairs(_ shape: JSONShape, _ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    try reader.take(UInt8(ascii: "["), "an array of data")
    var first = true
    while try reader.nextElement(&first) {
      if reader.peek() == UInt8(ascii: "[") {
        reader.position += 1
        try readPairOfArray(&reader, &block)
        continue
      }
      var second = reader
      _ = try second.string("a text, a string")
      guard try second.nextElement(&first) else { throw reader.wrongCount(shape, "an odd number") }
      try encodePair(&reader, &second, &block)
      reader = second
    }
    guard lengths.count == shape[0] else { throw reader.wrongCount(shape, "\(lengths.count) of \(shape[0]) pairs") }
  }

  private func readText(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    guard let text else { return }
    let string = try reader.string("a text, a string")
    try encode(try string.unescaped(scratch), text)
    try storeTokens(&block)
  }

  private func encode(_ bytes: UnsafeRawBufferPointer, _ text: any TextEncoder) throws(RecordFault) {
    try text.encode(bytes, pair: nil, into: &tokens)
    try checkSeparator(bytes)
    if placesInput != nil { tokens.countScalars(bytes) }
  }

  private func encodePair(_ first: inout JSONReader, _ second: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) {
    guard let text else { return }
    guard text.takesPairs else { throw RecordFault(.unsupported, expected: "one text a row, since the model's tokenizer takes no pair of texts", came: "two at byte \(first.position)") }
    let one = try first.string("a text, a string"), other = try second.string("a text, a string")
    try text.encode(try one.unescaped(scratch), pair: try other.unescaped(secondScratch), into: &tokens)
    // Which of the two texts a place is in is not told.
    if placesInput != nil { tokens.places = Array(repeating: TokenSequence.Place(start: -1, end: -1), count: tokens.ids.count) }
    try storeTokens(&block)
  }

  /// Two texts in one, with what keeps texts apart written between them, would not be told apart by the model.
  private func checkSeparator(_ text: UnsafeRawBufferPointer) throws(RecordFault) {
    guard let separator else { return }
    // A tokenizer may not know its own separator where that is written out.
    guard tokens.ids.dropLast().dropFirst().contains(separator) || contains(text, "[SEP]") || contains(text, "</s>") else { return }
    throw RecordFault(
      .wrongInput, expected: #"a pair of texts as {"text":"…","text_pair":"…"} or {"texts":[["…","…"]]}, since the model tells two texts apart by their token types"#,
      came: "one text with the separator in it")
  }

  private func contains(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
    let word = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    return text.count >= word.count && (0...(text.count - word.count)).contains { text[$0] == word[0] && text[$0..<($0 + word.count)].elementsEqual(word) }
  }

  /// The same of ids that a client made and sends without saying which text each belongs to.
  func checkSeparator(ids: UnsafeRawBufferPointer, rows: Int) throws(RecordFault) {
    guard let separator, let textInput, let typesInput else { return }
    let size = signature.inputs[textInput].type.size
    var count = 0
    for offset in stride(from: 0, to: ids.count - ids.count % size, by: size) {
      let id = size == 8 ? ids.loadUnaligned(fromByteOffset: offset, as: Int64.self) : Int64(ids.loadUnaligned(fromByteOffset: offset, as: Int32.self))
      if id == separator { count += 1 }
    }
    guard count > rows else { return }
    throw RecordFault(
      .wrongInput, expected: "\(signature.inputs[typesInput].name) beside ids of pairs of texts, since the model tells the two texts of a pair apart by them", came: "ids with \(count) separators (\(separator)) in \(rows) rows, and no \(signature.inputs[typesInput].name)")
  }

  /// Puts a row's ids behind what is in the block, in the input's type.
  private func storeTokens(_ block: inout RequestBlock) throws(RecordFault) {
    guard let textInput else { return }
    let type = signature.inputs[textInput].type, count = tokens.ids.count
    guard count > 0 else { throw RecordFault(.wrongInput, expected: "a text of one token or more", came: "none") }
    let memory = block.extend(count * type.size)
    store(tokens.ids, type, memory)
    lengths.append(Int32(count))
    if placesInput != nil { places += tokens.places }
    if tokens.types.isEmpty { types.append(contentsOf: repeatElement(0, count: count)) } else { types += tokens.types }
    // Before the next one, so that a request that is too large takes no more memory than one that is not.
    try checkSize(rows: lengths.count, length: count, bytes: block.count)
  }

  private func store(_ ids: [Int64], _ type: ElementType, _ memory: UnsafeMutableRawPointer) {
    if type == .int64 {
      ids.withUnsafeBytes { _ = memcpy(memory, $0.baseAddress!, $0.count) }
    } else {
      let narrow = memory.assumingMemoryBound(to: Int32.self)
      for (index, id) in ids.enumerated() { narrow[index] = Int32(truncatingIfNeeded: id) }
    }
  }

  /// All texts are there: their ids, and which of two texts each belongs to where that is not the first throughout, are inputs.
  private func finishTexts(_ input: Int, rows: Int, _ block: inout RequestBlock, at offset: Int) throws(RecordFault) {
    let longest = Int(lengths.max() ?? 1), isEven = lengths.allSatisfy { Int($0) == longest }, bytes = block.count - offset
    var lengthsOffset: Int?
    if !isEven {
      let place = block.append(lengths.count * MemoryLayout<Int32>.stride)
      lengths.withUnsafeBytes { _ = memcpy(block.at(place), $0.baseAddress!, $0.count) }
      lengthsOffset = place
    }
    var shape = JSONShape()
    shape.append(rows)
    shape.append(longest)
    inputs.append(DecodedInput(input: input, rows: rows, length: longest, shape: shape, offset: offset, byteCount: bytes, lengthsOffset: lengthsOffset, isText: true))
    storePlaces(shape, rows, longest, &block, lengthsOffset)
    guard types.contains(where: { $0 != 0 }) else { return }
    guard let typesInput else { return }
    let type = signature.inputs[typesInput].type, place = block.append(types.count * type.size)
    store(types, type, block.at(place))
    inputs.append(DecodedInput(input: typesInput, rows: rows, length: longest, shape: shape, offset: place, byteCount: types.count * type.size, lengthsOffset: lengthsOffset))
  }

  private func storePlaces(_ shape: JSONShape, _ rows: Int, _ longest: Int, _ block: inout RequestBlock, _ lengthsOffset: Int?) {
    guard let placesInput else { return }
    let bytes = places.count * MemoryLayout<TokenSequence.Place>.stride, place = block.append(bytes)
    places.withUnsafeBytes { _ = memcpy(block.at(place), $0.baseAddress!, bytes) }
    var shape = shape
    shape.append(2)
    inputs.append(DecodedInput(input: placesInput, rows: rows, length: longest, shape: shape, offset: place, byteCount: bytes, lengthsOffset: lengthsOffset))
  }
}

extension TokenSequence {
  /// Places in bytes become places in Unicode scalars, as Python counts characters. Empty ones, of special tokens, become -1.
  mutating func countScalars(_ text: UnsafeRawBufferPointer) {
    var byte = 0, scalar: Int32 = 0
    /// Scalars before a byte; asked in rising order mostly.
    func scalars(before place: Int32) -> Int32 {
      if Int(place) < byte { (byte, scalar) = (0, 0) }
      while byte < min(Int(place), text.count) {
        if text[byte] & 0xC0 != 0x80 { scalar += 1 }
        byte += 1
      }
      return scalar
    }
    for index in places.indices {
      let place = places[index]
      places[index] = place.start == place.end ? Place(start: -1, end: -1) : Place(start: scalars(before: place.start), end: scalars(before: place.end))
    }
  }
}
