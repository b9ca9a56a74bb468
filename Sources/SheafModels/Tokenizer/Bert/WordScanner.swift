import Glibc
import Sheaf

/// Cuts a text into words and words into pieces: BERT's normaliser, pre-tokenizer and WordPiece model in one pass over the bytes,
/// so that nothing but the word at hand is ever copied.
///
/// Lives as long as one text, and owns one block of memory.
struct WordScanner: ~Copyable {
  private let tables: BertTables
  private(set) var sink: WordSink

  /// Holds the three below.
  private let memory: UnsafeMutableRawPointer
  /// The hashes of the word's beginnings.
  private let hashes: UnsafeMutablePointer<UInt64>
  /// The ids of its pieces, kept back until the whole word has turned out to consist of pieces.
  private let pieces: UnsafeMutablePointer<Int32>
  /// The word so far, normalised, in UTF-8.
  private let word: UnsafeMutablePointer<UInt8>
  private var bytes = 0
  private var characters = 0
  /// Combining marks at the end of the word that await their order. Rare: nearly all marks are stripped.
  private var marks: [UInt32] = []

  init(_ tables: BertTables, _ sink: WordSink) {
    self.tables = tables
    self.sink = sink
    let room = tables.maxWordCharacters * 4 + 1
    memory = malloc(room * 13)!
    hashes = memory.bindMemory(to: UInt64.self, capacity: room)
    pieces = (memory + room * 8).bindMemory(to: Int32.self, capacity: room)
    word = (memory + room * 12).bindMemory(to: UInt8.self, capacity: room)
    hashes[0] = 0
  }

  deinit { free(memory) }

  private var normalizer: BertNormalizer { @inline(__always) get { tables.normalizer } }

  /// Reads `count` bytes of valid UTF-8; ends early when nothing more would be kept.
  mutating func scan(_ text: UnsafePointer<UInt8>, _ count: Int) {
    var index = 0
    while index < count {
      let byte = text[index]
      var kind = tables.kinds[Int(byte)]
      if kind.contains(.added) {
        if let token = tables.addedToken(text + index, count - index) {
          endWord()
          sink.append(Int64(token.id))
          if sink.isOver { return }
          index &+= token.text.count
          continue
        }
        kind.remove(.added)
      }
      if kind == .letter {
        add(tables.lower[Int(byte)])
        index &+= 1
        continue
      }
      if byte >= 0x80 {
        beyondASCII(UTF8Bytes.decode(text, &index))
      } else {
        index &+= 1
        if kind.contains(.dropped) { continue }
        endWord()
        if kind.contains(.punctuation) { addAlone(byte) }
      }
      if sink.isOver { return }
    }
    endWord()
  }

  // MARK: Beyond ASCII

  private mutating func beyondASCII(_ scalar: UInt32) {
    let classes = CharacterClass.of(scalar)
    if normalizer.cleansText, scalar == 0xFFFD || classes.contains(.control) { return }
    if classes.contains(.space) { return endWord() }
    let standsAlone = normalizer.separatesIdeographs && UnicodeScalars.isIdeograph(scalar)
    if standsAlone { endWord() }
    if normalizer.stripsAccents {
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: UnicodeScalars.longestDecomposition) { parts in
        for part in 0..<UnicodeScalars.decompose(scalar, into: parts.baseAddress!) { unaccented(UInt32(parts[part])) }
      }
    } else {
      normalised(scalar)
    }
    if standsAlone { endWord() }
  }

  /// One scalar of a canonical decomposition. Marks of a combining class are sorted by it, all others stay where they are.
  private mutating func unaccented(_ scalar: UInt32) {
    if scalar < 0x80 {
      settleMarks()
      return normalised(scalar)
    }
    let order = UnicodeScalars.combiningClass(scalar)
    if order == 0 { settleMarks() }
    if CharacterClass.of(scalar).contains(.nonspacingMark) { return }
    if order == 0 { return normalised(scalar) }
    guard characters + marks.count <= tables.maxWordCharacters else { return }  // Too long already.
    let place = marks.lastIndex { UnicodeScalars.combiningClass($0) <= order }
    marks.insert(scalar, at: place.map { $0 + 1 } ?? 0)
  }

  private mutating func settleMarks() {
    if marks.isEmpty { return }
    let settled = marks
    marks = []
    for mark in settled { normalised(mark) }
  }

  /// One scalar whose accents are dealt with: lower-cased, and set apart where it is punctuation.
  private mutating func normalised(_ scalar: UInt32) {
    let (first, second) = normalizer.lowercases ? UnicodeScalars.lowercase(scalar) : (scalar, nil)
    if first < 0x80 ? tables.kinds[Int(first)].contains(.punctuation) : CharacterClass.of(first).contains(.punctuation) {
      endWord()
      addScalar(first)
      endWord()
    } else {
      addScalar(first)
    }
    if let second { addScalar(second) }
  }

  // MARK: Words

  @inline(__always) private mutating func add(_ byte: UInt8) {
    if !marks.isEmpty { settleMarks() }
    if characters < tables.maxWordCharacters {
      hashes[bytes &+ 1] = Vocabulary.extend(hashes[bytes], byte)
      word[bytes] = byte
      bytes &+= 1
    }
    characters &+= 1
  }

  private mutating func addAlone(_ byte: UInt8) {
    add(byte)
    endWord()
  }

  private mutating func addScalar(_ scalar: UInt32) {
    if characters < tables.maxWordCharacters {
      let end = bytes + UTF8Bytes.encode(scalar, into: word + bytes)
      while bytes < end {
        hashes[bytes + 1] = Vocabulary.extend(hashes[bytes], word[bytes])
        bytes += 1
      }
    }
    characters += 1
  }

  /// Takes the longest piece from the front of the word again and again; a word with a part that is no piece is unknown as a whole.
  private mutating func endWord() {
    if !marks.isEmpty { settleMarks() }
    if characters == 0 { return }
    var start = 0
    var count = 0
    if characters <= tables.maxWordCharacters {
      while start < bytes, let piece = tables.vocabulary.longestPiece(word, bytes, from: start, hashes) {
        pieces[count] = piece.id
        count &+= 1
        start = piece.end
      }
    }
    if start == bytes && count > 0 {
      for index in 0..<count { sink.append(Int64(pieces[index])) }
    } else {
      sink.append(Int64(tables.unknownID))
    }
    bytes = 0
    characters = 0
  }
}
