import Glibc

@testable import Sheaf
@testable import SheafModels

/// A tokenizer of a few pieces.
let tinyTokenizer: Tokenizer = {
  withFile(UnsafeRawBufferPointer(start: tinyFile.utf8Start, count: tinyFile.utf8CodeUnitCount)) { try! Tokenizer(folder: $0, maxLength: 16) }
}()

private let tinyFile: StaticString = ###"""
  {"truncation":null,"padding":null,"added_tokens":[{"id":9,"content":"[X]"},{"id":10,"content":"[XY]"}],
   "normalizer":{"type":"BertNormalizer","lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
   "post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},
   "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
    "vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"##b":4,"é":6,"e":7,"##é":5,"中":8,"ab":11,"i̇":13,"##c":14,"d":15,"1":16,".":17}}}
  """###

/// A text as a record and in JSON; whether it is UTF-8 is Swift's standard library's word against ours.
func decodeText(_ bytes: UnsafeRawBufferPointer) {
  let isValid = String(validating: bytes, as: UTF8.self) != nil
  let invalid = UTF8Bytes.firstInvalid(bytes)
  check((invalid == nil) == isValid, "UTF-8 or not: invalid at \(String(describing: invalid))")
  if let invalid { check(String(validating: bytes.prefix(invalid), as: UTF8.self) != nil, "byte \(invalid) is not the first invalid one") }
  decodeTextRecord(bytes)
  encode(bytes, tinyTokenizer)
}

/// Encodes a text alone, with places, and as a pair with itself.
private func encode(_ text: UnsafeRawBufferPointer, _ tokenizer: Tokenizer) {
  var alone = TokenSequence(), placed = TokenSequence()
  placed.wantsPlaces = true
  let isSame = encode(text, nil, tokenizer, &alone) == encode(text, nil, tokenizer, &placed)
  check(isSame && alone.ids == placed.ids && alone.types == placed.types, "other tokens with places: \(alone.ids), \(placed.ids)")
  if tokenizer.takesPairs { _ = encode(text, text, tokenizer, &placed) }
}

private func encode(_ text: UnsafeRawBufferPointer, _ pair: UnsafeRawBufferPointer?, _ tokenizer: Tokenizer, _ tokens: inout TokenSequence) -> Bool {
  do throws(RecordFault) {
    try tokenizer.encode(text, pair: pair, into: &tokens)
    check(tokens.ids.count <= tokenizer.maxLength, "\(tokens.ids.count) ids")
    check(tokens.ids.allSatisfy { 0..<Int64(tokenizer.vocabularySize!) ~= $0 }, "\(tokens.ids)")
    check(tokens.types.isEmpty || tokens.types.count == tokens.ids.count, "\(tokens.types)")
    check(tokens.places.count == (tokens.wantsPlaces ? tokens.ids.count : 0), "\(tokens.places)")
    check(tokens.places.allSatisfy { 0 <= $0.start && $0.start <= $0.end && $0.end <= text.count }, "\(tokens.places) of \(text.count) bytes")
    return true
  } catch {
    check(!error.expected.isEmpty && !error.came.isEmpty, "a fault that says nothing: \(error)")
    return false
  }
}

/// A tokenizer.json, and a text for what it makes where it is accepted.
func decodeTokenizerFile(_ bytes: UnsafeRawBufferPointer) {
  let lines = bytes.lines(2)
  let tokenizer = withFile(lines.last!) { folder in
    Result { () throws(ConfigurationError) in try Tokenizer(folder: folder, maxLength: 100) }
  }
  switch tokenizer {
  case .success(let tokenizer): encode(lines[0], tokenizer)
  case .failure(let error): check(!error.fix.isEmpty, "\(error)")
  }
}

/// A text for tokenizers of every kind; the first byte chooses one.
func decodeTokens(_ bytes: UnsafeRawBufferPointer) {
  guard let first = bytes.first else { return }
  encode(UnsafeRawBufferPointer(rebasing: bytes.dropFirst()), tokenizers[Int(first) % tokenizers.count])
}

/// Those of Tests/Expectations/tokenizer-kinds.json, which is read from the current directory. Let go in the end: the sanitizer does not
/// know pointers in which Swift keeps an enumeration's case, and takes what they point to for lost.
nonisolated(unsafe) private var tokenizers: [Tokenizer] = {
  atexit { tokenizers = [] }
  let root = try! FilePart(file: "Tests/Expectations/tokenizer-kinds.json")!.node
  return root["tokenizers"]!.array!.map { entry in
    let model = root["models"]![entry["model"]!.bytes!]!.string!.dropLast() + entry["changes"]!.string! + "}"
    let parts = entry["file"]!.string!.split(separator: #""@""#, omittingEmptySubsequences: false)
    return Array("\(parts[0])\(model)\(parts[1])".utf8).withUnsafeBytes { bytes in withFile(bytes) { try! Tokenizer(folder: $0, maxLength: 20) } }
  }
}()

/// A folder in memory with this tokenizer.json.
private func withFile<T>(_ bytes: UnsafeRawBufferPointer, _ body: (String) -> T) -> T {
  let file = fopen("\(folder)/tokenizer.json", "wb")!
  fwrite(bytes.baseAddress, 1, bytes.count, file)
  fclose(file)
  return body(folder)
}

private let folder: String = {
  var template = Array("/dev/shm/sheaf-fuzz-XXXXXX".utf8CString)
  return String(cString: mkdtemp(&template))
}()

/// A number as every type reads it, against the C library.
func decodeNumber(_ bytes: UnsafeRawBufferPointer) {
  var reader = JSONReader(bytes)
  var double: Double?, float: Float?
  do throws(RecordFault) { double = try reader.double() } catch {}
  if double != nil { check(double!.bitPattern == strtod(String(decoding: bytes[..<reader.position], as: UTF8.self), nil).bitPattern, "\(double!)") }
  reader.position = 0
  do throws(RecordFault) { float = try reader.float() } catch {}
  if float != nil { check(float!.bitPattern == strtof(String(decoding: bytes[..<reader.position], as: UTF8.self), nil).bitPattern, "\(float!)") }
  reader.position = 0
  do throws(RecordFault) {
    let half = try reader.half()
    if let double { check(abs(Double(half) - double) <= max(abs(double) * 0x1p-11, 0x1p-25), "\(half) for \(double)") }
  } catch {}
  integer(bytes, Int64.self)
  integer(bytes, UInt64.self)
  integer(bytes, Int8.self)
  do throws(RecordFault) { _ = try JSONValue(bytes) } catch {}
}

private func integer<T: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _: T.Type) {
  var reader = JSONReader(bytes)
  do throws(RecordFault) {
    let value: T = try reader.integer()
    let text = String(decoding: bytes[..<reader.position].drop { $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 }, as: UTF8.self)
    // Written without a point or an exponent it means what Swift reads.
    if text.allSatisfy({ $0 == "-" || $0.isWholeNumber }) { check(T(text) == value, "\(value) for \(text)") }
  } catch {}
}
