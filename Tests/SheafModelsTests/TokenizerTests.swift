import Glibc
import SheafTesting
import Testing

@testable import Sheaf
@testable import SheafModels

@Suite struct TokenizerTests {
  /// What Hugging Face makes of each text; see scripts/tokenizer_expectations.py.
  static func expectations() throws -> [(text: String, ids: [Int])] {
    let entries = try #require(try SheafModelsTests.expectations("tokenizer-minilm.json").array)
    return try entries.map { entry in
      (try #require(entry["text"]?.string), try #require(entry["ids"]?.array).compactMap(\.int))
    }
  }

  @Test func equalsHuggingFace() throws {
    let folder = try SheafHome.model("minilm")
    let tokenizer = try Tokenizer(folder: folder, maxLength: 128)
    #expect(tokenizer.truncation == .end && tokenizer.padID == 0 && tokenizer.vocabularySize == 30522 && tokenizer.takesPairs && tokenizer.notes.isEmpty)
    let expectations = try Self.expectations()
    #expect(expectations.count > 400)
    for (text, ids) in expectations {
      let ours = try tokenizer.ids(text)
      if ours != ids { Issue.record("\(text.debugDescription): \(ours) instead of \(ids)") }
    }
    let asSentenceTransformers = try Tokenizer(folder: folder)
    #expect(asSentenceTransformers.maxLength == 256)
    #expect(asSentenceTransformers.notes.count == 1 && asSentenceTransformers.notes[0].contains("max_seq_length says 256, tokenizer.json's truncation says 128"))
  }

  /// The scanner of one pass, and the steps that find places.
  @Test func bothWaysMakeTheSameTokens() throws {
    var generator = SeededGenerator(seed: 31)
    let folder = try SheafHome.model("minilm")
    for truncation in [Tokenizer.Truncation.end, .start] {
      let tokenizer = try Tokenizer(folder: folder, maxLength: 24, truncation: truncation)
      for _ in 0..<5_000 {
        let text = randomText(&generator)
        let tokens = try tokenizer.encode(text), placed = try tokenizer.encode(text, wantsPlaces: true)
        #expect(tokens.ids == placed.ids, "\(text.debugDescription)")
        #expect(placed.places.count == placed.ids.count)
      }
    }
  }

  @Test func truncationKeepsTheSideItIsToldTo() throws {
    let folder = try SheafHome.model("minilm")
    let whole = try Tokenizer(folder: folder, maxLength: 512)
    let end = try Tokenizer(folder: folder, maxLength: 9, truncation: .end)
    let start = try Tokenizer(folder: folder, maxLength: 9, truncation: .start)
    let error = try Tokenizer(folder: folder, maxLength: 9, truncation: .error)
    for (text, _) in try Self.expectations() {
      let ids = try whole.ids(text)
      if ids.count == 512 { continue }
      let inner = ids.dropFirst().dropLast()
      #expect(try end.ids(text) == [101] + inner.prefix(7) + [102])
      #expect(try start.ids(text) == [101] + inner.suffix(7) + [102])
      if inner.count <= 7 {
        #expect(try error.ids(text) == ids)
      } else {
        let fault = #expect(throws: RecordFault.self) { try error.ids(text) }
        #expect(fault?.code == .tooLarge)
      }
    }
  }

  @Test(arguments: [
    ([0xFF], 0), ([65, 0xC3], 1), ([65, 66, 0xC0, 0x80], 2), ([0xE0, 0x80, 0x80], 0), ([0xED, 0xA0, 0x80], 0), ([0xF4, 0x90, 0x80, 0x80], 0),
    ([0xF0, 0x8F, 0xBF, 0xBF], 0), ([0xF5, 0x80, 0x80, 0x80], 0), ([0x80], 0), ([0xE2, 0x82], 0), ([0xE2, 0x82, 0x41], 0),
    ([UInt8](repeating: 65, count: 40) + [0xFE], 40),
  ] as [([UInt8], Int)]) func badUTF8IsAFaultWithItsPlace(text: [UInt8], place: Int) throws {
    let tokenizer = try Tokenizer(folder: try SheafHome.model("minilm"), maxLength: 8)
    let fault = #expect(throws: RecordFault.self) { try tokenizer.ids(text) }
    #expect(fault?.code == .malformed && fault?.came.hasSuffix("at byte \(place) of the text") == true)
  }

  @Test func utf8IsCheckedAsSwiftChecksIt() {
    var generator = SeededGenerator(seed: 5)
    let bytes: [UInt8] = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF]
    for _ in 0..<200_000 {
      let text = (0..<Int.random(in: 0...10, using: &generator)).map { _ in bytes.randomElement(using: &generator)! }
      let isValid = String(validating: text, as: UTF8.self) != nil
      #expect(text.withUnsafeBytes { UTF8Bytes.firstInvalid($0) == nil } == isValid)
    }
  }

  @Test func randomBytesAndTextsNeverCrash() throws {
    let tokenizers = try [Tokenizer.Truncation.end, .start, .error].map { try Tokenizer(folder: try SheafHome.model("minilm"), maxLength: 12, truncation: $0) }
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<20_000 {
      let text = randomText(&generator)
      for tokenizer in tokenizers {
        if let ids = try? tokenizer.ids(text) { #expect(ids.count >= 2 && ids.count <= 12 && ids.first == 101 && ids.last == 102) }
      }
    }
  }
}

/// Characters of all scripts, those of some more often.
func randomText(_ generator: inout SeededGenerator, characters: Int = 40) -> String {
  var text = String.UnicodeScalarView()
  for _ in 0..<Int.random(in: 0..<characters, using: &generator) {
    let bound: UInt32 = [0x80, 0x80, 0x600, 0x3100, 0x110000].randomElement(using: &generator)!
    if let scalar = UnicodeScalar(UInt32.random(in: 0..<bound, using: &generator)) { text.append(scalar) }
    if Int.random(in: 0..<5, using: &generator) == 0 { text.append(" ") }
  }
  return String(text)
}
