extension RequestDecoder {
  /// Reads `outputs`, the outputs that a sender wants, in their order.
  /// - Returns: where their indices begin in the block; `nil`: it names none, which means all.
  func readOutputs(_ reader: inout JSONReader, _ block: inout RequestBlock) throws(RecordFault) -> (offset: Int, count: Int)? {
    try reader.take(UInt8(ascii: "["), "outputs, an array")
    var chosen: [UInt16] = []
    var first = true
    while try reader.nextElement(&first) {
      let index = try readOutput(&reader)
      if chosen.contains(index) { throw RecordFault(.wrongInput, expected: "every output once", came: "\(signature.outputs[Int(index)].name) again in outputs") }
      chosen.append(index)
    }
    guard !chosen.isEmpty else { return nil }
    let offset = block.append(chosen.count * MemoryLayout<UInt16>.stride)
    for (place, index) in chosen.enumerated() { (block.at(offset) + 2 * place).storeBytes(of: index, as: UInt16.self) }
    return (offset, chosen.count)
  }

  private func readOutput(_ reader: inout JSONReader) throws(RecordFault) -> UInt16 {
    try reader.take(UInt8(ascii: "{"), "an output, an object with its name")
    var found: UInt16?
    var first = true
    while let key = try reader.nextKey(&first) {
      if reader.peek() == UInt8(ascii: "n") {
        try reader.literal("null")
      } else if key.equals("name") {
        let name = try reader.string("an output's name, a string"), bytes = try name.unescaped(scratch)
        guard let index = signature.outputs.firstIndex(where: { equals(bytes, $0.name) }) else {
          throw RecordFault(.wrongInput, expected: "an output of the model: \(signature.outputs.map(\.name).joined(separator: ", "))", came: "\(excerpt(bytes)) at byte \(name.position)")
        }
        found = UInt16(index)
      } else if key.equals("parameters") {
        try reader.parameters("parameters of an output")
      } else {
        throw RecordFault(.wrongInput, expected: "an output of name and parameters", came: "\(excerpt(key.raw)) at byte \(key.position)")
      }
    }
    guard let found else { throw RecordFault(.wrongInput, expected: "an output with a name", came: "one without at byte \(reader.position)") }
    return found
  }
}
