import Glibc

/// What libFuzzer calls with every input: the decoder that FUZZ_DECODER names, or, without it, the one that the first byte chooses.
/// A decoder fails by crashing, by what the sanitizers see, or by a broken promise (`check`).
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = UnsafeRawBufferPointer(start: data, count: count)
  if let chosen {
    chosen(bytes)
  } else if let first = bytes.first {
    decoders[Int(first) % decoders.count].decode(UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
  }
  return 0
}

/// Everything that reads what others wrote, by name. Seeds are in Seeds/NAME.
nonisolated(unsafe) private let decoders: [(name: String, decode: (UnsafeRawBufferPointer) -> Void)] = [
  ("json", decodeJSON),
  ("number", decodeNumber),
  ("raw", decodeRaw),
  ("text", decodeText),
  ("tokenizer", decodeTokenizerFile),
  ("tokens", decodeTokens),
  ("headers", decodeHeaders),
  ("graph", decodeGraph),
  ("folder", decodeFolder),
  ("safetensors", decodeSafetensors),
  ("yaml", decodeYAML),
  ("configuration", decodeConfiguration),
  ("settings", decodeSettings),
  ("mark", decodeMark),
  ("answer", decodeAnswer),
]

nonisolated(unsafe) private let chosen: ((UnsafeRawBufferPointer) -> Void)? = getenv("FUZZ_DECODER").map { name in
  let name = String(cString: name)
  guard let decoder = decoders.first(where: { $0.name == name }) else {
    fatalError("FUZZ_DECODER: \(name): there is no such decoder; set one of \(decoders.map(\.name).joined(separator: ", "))")
  }
  return decoder.decode
}

/// A promise that holds for any input.
func check(_ condition: Bool, _ promise: @autoclosure () -> String) { if !condition { fatalError(promise()) } }

extension UnsafeRawBufferPointer {
  /// The parts between line breaks, `count` at most; the last has the rest.
  func lines(_ count: Int) -> [UnsafeRawBufferPointer] {
    split(separator: UInt8(ascii: "\n"), maxSplits: count - 1, omittingEmptySubsequences: false).map { UnsafeRawBufferPointer(rebasing: $0) }
  }

  var text: String { String(decoding: self, as: UTF8.self) }
}
