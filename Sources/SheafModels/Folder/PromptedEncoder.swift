import Sheaf

/// Puts a prompt before every text; before pairs of texts it puts nothing.
struct PromptedEncoder: TextEncoder {
  private let encoder: any TextEncoder
  private let prompt: [UInt8]

  init(_ encoder: any TextEncoder, prompt: String) {
    self.encoder = encoder
    self.prompt = Array(prompt.utf8)
  }

  var maxLength: Int { encoder.maxLength }
  var padID: Int64 { encoder.padID }
  var vocabularySize: Int? { encoder.vocabularySize }
  var takesPairs: Bool { encoder.takesPairs }

  func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
    guard pair == nil else { return try encoder.encode(text, pair: pair, into: &tokens) }
    // A fault tells the byte of the text alone.
    if let invalid = UTF8Bytes.firstInvalid(text) {
      throw RecordFault(.malformed, expected: "text in UTF-8", came: "byte 0x\(String(text[invalid], radix: 16)) at byte \(invalid) of the text")
    }
    var whole = prompt
    whole += text
    let result = whole.withUnsafeBytes { bytes in Result { () throws(RecordFault) in try encoder.encode(bytes, pair: nil, into: &tokens) } }
    try result.get()
    let before = Int32(prompt.count)
    for index in tokens.places.indices {
      // What is of the prompt stands nowhere in the text.
      tokens.places[index].start = max(0, tokens.places[index].start - before)
      tokens.places[index].end = max(0, tokens.places[index].end - before)
    }
  }

  /// How many ids the prompt takes at the begin of every row, special ones included, as sentence-transformers counts them.
  func promptTokens() throws(RecordFault) -> Int {
    var own = TokenSequence(), empty = TokenSequence()
    let result = prompt.withUnsafeBytes { bytes in Result { () throws(RecordFault) in try encoder.encode(bytes, pair: nil, into: &own) } }
    try result.get()
    try encoder.encode(UnsafeRawBufferPointer(start: nil, count: 0), pair: nil, into: &empty)
    return own.ids.last == empty.ids.last ? own.ids.count - 1 : own.ids.count
  }
}
