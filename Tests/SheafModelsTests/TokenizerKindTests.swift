import SheafTesting
import Testing

@testable import Sheaf
@testable import SheafModels

/// Small tokenizers of every kind against what Hugging Face's library makes of texts with them (scripts/tokenizer_kinds.py).
@Suite struct TokenizerKindTests {
  struct Kind: CustomTestStringConvertible, Sendable {
    struct Case: Sendable {
      var text: String
      var pair: String?
      /// `nil`: Hugging Face fails at it.
      var ids: [Int]?
      var types: [Int]
      /// Begin and end of each token, in bytes.
      var places: [Int]
    }
    var name: String
    var file: String
    var cases: [Case]

    var testDescription: String { name }
  }

  static let kinds: [Kind] = {
    do { return try read(expectations("tokenizer-kinds.json")) } catch {
      Issue.record(error)
      return []
    }
  }()

  private static func read(_ root: JSONNode) throws -> [Kind] {
    let texts = try #require(root["texts"]?.array).map { try #require($0.string) }
    let pairs = try #require(root["pairs"]?.array).map { pair in
      let places = try #require(pair.array)
      return try places.map { try #require($0.int) }
    }
    let models = try #require(root["models"])
    let tokenizers = try #require(root["tokenizers"]?.array)
    return try tokenizers.map { entry in
      let name = try #require(entry["model"]?.bytes)
      let model = try #require(models[name]?.string), changes = try #require(entry["changes"]?.string)
      let file = try #require(entry["file"]?.string).split(separator: #""@""#, omittingEmptySubsequences: false)
      var cases: [Kind.Case] = []
      for part in try #require(entry["texts"]?.array) {
        let part = try #require(part.array), text = try #require(part[0].int)
        cases.append(try read(texts[text], nil, part[1]))
      }
      for part in try #require(entry["pairs"]?.array) {
        let part = try #require(part.array), pair = try #require(part[0].int)
        cases.append(try read(texts[pairs[pair][0]], texts[pairs[pair][1]], part[1]))
      }
      return Kind(name: try #require(entry["name"]?.string), file: "\(file[0])\(model.dropLast())\(changes)}\(file[1])", cases: cases)
    }
  }

  private static func read(_ text: String, _ pair: String?, _ encoding: JSONNode) throws -> Kind.Case {
    guard let parts = encoding.array else { return Kind.Case(text: text, pair: pair, ids: nil, types: [], places: []) }
    let numbers = try parts.map { part in
      let numbers = try #require(part.array)
      return try numbers.map { try #require($0.int) }
    }
    return Kind.Case(text: text, pair: pair, ids: numbers[0], types: numbers[1], places: numbers[2])
  }

  @Test func thereAreEnough() { #expect(Self.kinds.count >= 40) }

  @Test(arguments: kinds) func equalsHuggingFace(_ kind: Kind) throws {
    let tokenizer = try withTokenizerFolder(["tokenizer.json": kind.file]) { try Tokenizer(folder: $0) }
    #expect(tokenizer.takesPairs)
    for sample in kind.cases {
      guard let ids = sample.ids else {
        #expect(throws: RecordFault.self) { try tokenizer.encode(sample.text, sample.pair) }
        continue
      }
      // Without and with places: the same tokens by different ways.
      for wantsPlaces in [false, true] {
        let tokens = try tokenizer.encode(sample.text, sample.pair, wantsPlaces: wantsPlaces)
        #expect(tokens.ids.map { Int($0) } == ids, "\(sample.text.debugDescription) \(sample.pair?.debugDescription ?? "")")
        #expect(tokens.types.map { Int($0) } == sample.types, "\(sample.text.debugDescription) \(sample.pair?.debugDescription ?? "")")
        if wantsPlaces { #expect(tokens.places.flatMap { [Int($0.start), Int($0.end)] } == sample.places, "\(sample.text.debugDescription)") }
      }
    }
  }

  /// What holds of any text. The first of them once read beyond its end, where a byte at the end of it is a token.
  @Test(arguments: kinds) func tokensOfAnyText(_ kind: Kind) throws {
    let tokenizer = try withTokenizerFolder(["tokenizer.json": kind.file]) { try Tokenizer(folder: $0, maxLength: 20) }
    var generator = SeededGenerator(seed: 12)
    for text in ["c\u{0}\u{0}\u{1}maDe\u{323}"] + (0..<100).map({ _ in randomText(&generator) }) {
      guard let tokens = try? tokenizer.encode(text), let placed = try? tokenizer.encode(text, wantsPlaces: true) else { continue }
      #expect(tokens.ids == placed.ids && tokens.types == placed.types && tokens.places.isEmpty, "\(text.debugDescription)")
      #expect(tokens.ids.count <= 20 && tokens.ids.allSatisfy { 0..<Int64(tokenizer.vocabularySize!) ~= $0 })
      #expect(placed.places.count == placed.ids.count)
      #expect(placed.places.allSatisfy { 0 <= $0.start && $0.start <= $0.end && $0.end <= text.utf8.count }, "\(text.debugDescription)")
    }
  }
}
