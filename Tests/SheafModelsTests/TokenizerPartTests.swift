import SheafTesting
import Testing

@testable import Sheaf
@testable import SheafModels

/// The parts of tokenizers against simpler ones that do the same.
@Suite struct TokenizerPartTests {
  // MARK: Words

  /// The hand-written loops cut as Oniguruma does.
  @Test(arguments: [
    WordPattern.gpt2Expression, gpt4(#"\p{N}{1,3}"#), gpt4(#"\p{N}"#),
  ]) func wordsAreCutAsOnigurumaCutsThem(expression: String) throws {
    let pattern = try #require(WordPattern(expression)), regex = Pattern.regex(try Regex(expression)), unassigned = try Regex(#"\p{Cn}"#)
    var generator = SeededGenerator(seed: 17)
    let pool = Array("'''''sStTdDmMrReElLvV  \t\n\r\r\n\u{a0}\u{2003}\u{3000}\u{85}aZ09_-.!…éſßǆ中あ한ก\u{e33}\u{301}ⅷ½٣🙂\u{200d}\u{0}".unicodeScalars)
    for _ in 0..<20_000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 1..<25, using: &generator) { text.append(pool.randomElement(using: &generator)!) }
      let bytes = Array(Bool.random(using: &generator) ? String(text).utf8 : randomText(&generator).utf8)
      var newer = Regex.Matches(unassigned, bytes, bytes.count)
      if try bytes.isEmpty || newer.match() != nil { continue }
      var ours: [Int] = [], theirs: [Int] = []
      try pattern.forEachMatch(bytes, bytes.count) { ours += [$0, $1] }
      try regex.forEachMatch(bytes, bytes.count) { theirs += [$0, $1] }
      #expect(ours == theirs, "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
    }
  }

  private static func gpt4(_ digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// utf8proc's Unicode is that of Oniguruma, but for characters that came with a later version.
  @Test func classesAreOnigurumas() throws {
    let unassigned = try Regex(#"\p{Cn}"#)
    for (property, kind) in [(#"\p{L}"#, CharacterClass.letter), (#"\p{N}"#, .number), (#"\s"#, .space), (#"\p{M}"#, .mark), (#"\p{Mn}"#, .nonspacingMark)] {
      let regex = try Regex(property)
      for scalar in UInt32(0)..<0x20000 where !(0xD800..<0xE000 ~= scalar) {
        let bytes = Array(String(UnicodeScalar(scalar)!).utf8)
        var matches = Regex.Matches(regex, bytes, bytes.count), newer = Regex.Matches(unassigned, bytes, bytes.count)
        let isSame = try (matches.match() != nil) == CharacterClass.of(scalar).contains(kind)
        if try !isSame && newer.match() == nil { Issue.record("\(property): \(String(scalar, radix: 16))") }
      }
    }
  }

  @Test func aSearchThatTakesTooLongIsAFault() throws {
    let regex = Pattern.regex(try Regex("(a|aa)+$"))
    let text = [UInt8](repeating: 97, count: 60) + [98]
    let fault = #expect(throws: RecordFault.self) { try regex.forEachMatch(text, text.count) { _, _ in } }
    #expect(fault?.code == .tooLarge)
  }

  /// Empty matches as Hugging Face's binding of Oniguruma has them.
  @Test func emptyMatches() throws {
    func matches(_ expression: String, _ text: String) throws -> [[Int]] {
      let bytes = Array(text.utf8)
      var found: [[Int]] = []
      try Pattern.regex(Regex(expression)).forEachMatch(bytes, bytes.count) { found.append([$0, $1]) }
      return found
    }
    #expect(try matches("x*", "axxé") == [[0, 0], [1, 3], [5, 5]])
    #expect(try matches("", "aé") == [[0, 0], [1, 1], [3, 3]])
    #expect(try matches("a", "") == [])
  }

  // MARK: Models

  /// Random merges of a few letters, in words short and long, so both ways of merging are taken.
  @Test func mergesAreMadeInTheOrderOfTheirRanks() throws {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<60 {
      var pieces = ["a", "b", "c"], merges: [(String, String)] = []
      while merges.count < 25 {
        let pair = (pieces.randomElement(using: &generator)!, pieces.randomElement(using: &generator)!)
        if pieces.contains(pair.0 + pair.1) || pair.0.count + pair.1.count > 9 { continue }
        merges.append(pair)
        pieces.append(pair.0 + pair.1)
      }
      let vocabulary = pieces.enumerated().map { BPE.Piece(Array($1.utf8)[...], Int32($0)) }
      let ids = Dictionary(uniqueKeysWithValues: pieces.enumerated().map { ($1, Int32($0)) })
      let bpe = BPE(vocabulary, PieceTable(vocabulary), merges: merges.map { (ids[$0]!, ids[$1]!, ids[$0 + $1]!) }, BPE.Options())
      for length in [1, 2, 7, 39, 40, 41, 200] {
        let word = (0..<length).map { _ in ["a", "b", "c"].randomElement(using: &generator)! }
        #expect(try tokens(of: bpe, word.joined()) == merged(word, merges).map { Int64(ids[$0]!) })
      }
    }
  }

  private func tokens(of bpe: BPE, _ word: String) throws -> [Int64] {
    var list = TokenList(wantsPlaces: false), scratch = MergeScratch()
    let bytes = Array(word.utf8)
    try bytes.withUnsafeBufferPointer { bytes in
      try bpe.tokenize(TextView(bytes: bytes.baseAddress!, count: bytes.count, places: nil, origin: 0, isAtStart: true), into: &list, &scratch)
    }
    return (0..<list.count).map { list.ids[$0] }
  }

  /// By definition: the first pair that any merge has, the leftmost of equals, again and again.
  private func merged(_ word: [String], _ merges: [(String, String)]) -> [String] {
    var word = word
    while let merge = merges.first(where: { merge in zip(word, word.dropFirst()).contains { $0 == merge } }) {
      let place = zip(word, word.dropFirst()).enumerated().first { $1 == merge }!.offset
      word.replaceSubrange(place...place + 1, with: [merge.0 + merge.1])
    }
    return word
  }

  @Test func triesAndTablesFindWhatIsInThem() {
    var generator = SeededGenerator(seed: 8)
    for size in [0, 1, 3, 300, 5_000] {
      var texts: Set<[UInt8]> = []
      while texts.count < size {
        texts.insert((0..<Int.random(in: 1...6, using: &generator)).map { _ in UInt8.random(in: 0...(size > 300 ? 255 : 20), using: &generator) })
      }
      let entries = texts.enumerated().map { (text: $1[...], value: Int32($0)) }
      let trie = Trie(entries), table = PieceTable(entries)
      #expect(table.count == size)
      let values = Dictionary(uniqueKeysWithValues: entries.map { (Array($0.text), $0.value) })
      for _ in 0..<3_000 {
        let text = values.keys.randomElement(using: &generator).flatMap { Bool.random(using: &generator) ? $0 : nil }
          ?? (0..<Int.random(in: 1...6, using: &generator)).map { _ in UInt8.random(in: 0...20, using: &generator) }
        #expect(trie.value(of: text, text.count) == values[text] && table.value(text) == values[text])
      }
    }
  }

  // MARK: Normalisation

  /// Against utf8proc's own normal forms, of the same Unicode.
  @Test(arguments: [UnicodeNormalizer.Form.nfc, .nfd, .nfkc, .nfkd]) func normalFormsAreUnicodes(_ form: UnicodeNormalizer.Form) throws {
    var generator = SeededGenerator(seed: 23)
    let marks = Array("\u{300}\u{301}\u{316}\u{323}\u{327}\u{334}\u{345}\u{3099}\u{309a}\u{93c}\u{1161}\u{11a8}\u{9be}\u{ff9e}".unicodeScalars)
    let bases = Array("aeAÅÄÅ\u{1e9b}\u{f43}\u{fb2c}カｶかが한하\u{1112}क\u{958}ệﬁ½①㎏ﷺ\u{340}\u{344}\u{9c7}".unicodeScalars)
    for _ in 0..<20_000 {
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 1..<12, using: &generator) { text.append((Bool.random(using: &generator) ? bases : marks).randomElement(using: &generator)!) }
      let string = Bool.random(using: &generator) ? String(text) : randomText(&generator)
      let bytes = Array(string.utf8)
      let ours = try bytes.withUnsafeBytes { try TextRun.normalize($0, [.unicode(UnicodeNormalizer(form))]) }
      #expect(ours == reference(string, form), "\(string.unicodeScalars.map { String($0.value, radix: 16) })")
    }
  }

  @Test func base64() {
    #expect(Base64.decode("") == [] && Base64.decode("AA==") == [0] && Base64.decode("/+8=") == [255, 239] && Base64.decode("TWFu") == [77, 97, 110])
    for wrong in ["A", "AA", "AA=", "AAA", "A===", "AA==AA==", "AAAA=", "A AA", "A-AA"] { #expect(Base64.decode(wrong) == nil, "\(wrong)") }
  }

  // MARK: Files

  @Test func jsonIsReadByBytes() throws {
    func parse(_ text: String) throws -> JSONNode { try Array(text.utf8).withUnsafeBytes { try JSONTree($0) }.root }
    let tree = try parse(#" {"é":1,"\#u{65}\#u{301}":2,"a":[true,false,null,-1.5e2,"\u00e9\ud83d\ude42\n\"\/"],"a2":{},"a3":[[]]} "#)
    #expect(tree.members.map { Array($0.name.bytes!) }.prefix(2) == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
    #expect(tree["é"]?.int == 1 && tree["e\u{301}"]?.int == 2 && tree["b"] == nil)
    let array = try #require(tree["a"]?.array)
    #expect(array[0].bool == true && array[1].bool == false && array[2].isNull && array[3].number == -150 && array[4].string == "é🙂\n\"/")
    #expect(tree["a2"]?.members.isEmpty == true && tree["a3"]?.array?.first?.array?.isEmpty == true)
    #expect(try parse(#"{"a":1,"a":2}"#)["a"]?.int == 2)
    for wrong in ["", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "-", "1e", "\"\\x\"", "\"\\ud800\"", "\"\\ud83dx\"", "\"\\u12g4\"", "\"a", "tru", "[] []", "\u{1}", "\"\n\"",
      String(repeating: "[", count: 200), "+1", "\"\\u+123\""] {
      #expect(throws: JSONTree.Invalid.self, "\(wrong)") { try parse(wrong) }
    }
  }

  /// Numbers as Rust's serde_json reads them, off by a last bit here and there.
  @Test func scoresAreRead() throws {
    func number(_ text: String) throws -> Double? { try Array(text.utf8).withUnsafeBytes { try JSONTree($0) }.root.number }
    for (text, value) in [("0", 0.0), ("-0.5", -0.5), ("12345678901234567890123", 1.2345678901234568e22), ("1e400", .infinity), ("1e-400", 0), ("0.000123", 0.000123), ("5e-324", 5e-324)] {
      #expect(try number(text) == value, "\(text)")
    }
    // These are not the nearest numbers.
    for (text, bits) in [("-4.1164115433906158532", (-4.116411543390616).bitPattern), ("-14.6838539921574939", (-14.683853992157495).bitPattern)] {
      #expect(try number(text)?.bitPattern == bits && bits != Double(text)!.bitPattern, "\(text)")
    }
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<2_000 {
      let value = -Double.random(in: 0..<20, using: &generator)
      #expect(abs(try number("\(value)")! - value) <= value.ulp)
    }
  }

  // MARK: Threads

  /// One tokenizer with expressions, any number of threads.
  @Test func manyThreadsShareOne() async throws {
    let kind = try #require(TokenizerKindTests.kinds.first { $0.name == "deepseek" })
    let tokenizer = try withTokenizerFolder(["tokenizer.json": kind.file]) { try Tokenizer(folder: $0) }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<20 {
            for sample in kind.cases where sample.pair == nil {
              #expect((try? tokenizer.encode(sample.text).ids.map { Int($0) }) == sample.ids)
            }
          }
        }
      }
    }
  }

  /// What a text takes grows with its length, whatever it is and whatever the tokenizer.
  @Test(arguments: ["llama 3", "llama 2", "deepseek", "xlm-r", "albert", "clip", "pieces, nfkd", "bytes, added"]) func longTexts(_ name: String) throws {
    let kind = try #require(TokenizerKindTests.kinds.first { $0.name == name })
    let tokenizer = try withTokenizerFolder(["tokenizer.json": kind.file]) { try Tokenizer(folder: $0, maxLength: 1_000_000, truncation: .start) }
    for unit in ["a", " ", "\n", "\u{301}\u{316}", "<mask> ", "1", "👨\u{200d}"] {
      let text = String(repeating: unit, count: 60_000 / unit.utf8.count)
      let time = ContinuousClock().measure { _ = try? tokenizer.encode(text) }
      // A few hundredths of a second in a debug build; were it quadratic, minutes.
      #expect(time < .seconds(10), "\(unit.debugDescription): \(time)")
    }
  }
}
