import Sheaf

/// What a tokenizer does to a text, step by step. Immutable.
struct TokenizerSteps: Sendable {
  /// Tokens that are found in the text as it came.
  var rawTokens: AddedTokens?
  var normalizers: [Normalizer] = []
  /// Tokens that are found in the normalised text.
  var normalizedTokens: AddedTokens?
  var preTokenizers: [PreTokenizer] = []
  var model: TokenModel
}

/// One text on its way through all steps. Lives as long as the text, and owns the memory that it takes.
struct TextRun: ~Copyable {
  private let steps: TokenizerSteps
  /// Once there are so many tokens, no word more is taken.
  private let limit: Int
  private(set) var tokens: TokenList
  private var isOver = false
  private var scratch = ModelScratch()
  private var words = WordList()
  private var newWords = WordList()
  private let buffers: TextBuffers

  init(_ steps: TokenizerSteps, bytes: Int, limit: Int, wantsPlaces: Bool) {
    self.steps = steps
    self.limit = limit
    tokens = TokenList(wantsPlaces: wantsPlaces)
    buffers = TextBuffers(tracksPlaces: wantsPlaces, bytes: bytes)
  }

  mutating func run(_ text: UnsafeRawBufferPointer) throws(RecordFault) {
    guard let base = text.baseAddress, text.count > 0 else { return }
    let view = TextView(bytes: base.assumingMemoryBound(to: UInt8.self), count: text.count, places: nil, origin: 0, isAtStart: true)
    guard let added = steps.rawTokens else { return try normalize(view) }
    var parts = AddedTokens.Parts(added, in: view)
    while let (start, end, id) = parts.part() {
      if let id { tokens.append(id, view, start, end, .text) } else { try normalize(view.part(start, end)) }
      if isOver { return }
    }
  }

  /// Places and words are of 32 bits, and a text may become several times as long on its way.
  static func check(_ bytes: Int) throws(RecordFault) {
    if bytes > 1 << 28 { throw RecordFault(.tooLarge, expected: "a text of at most 256 MiB", came: "one of \(bytes) bytes") }
  }

  /// What normalisation makes of a text.
  static func normalize(_ text: UnsafeRawBufferPointer, _ normalizers: [Normalizer]) throws(RecordFault) -> [UInt8] {
    guard let base = text.baseAddress, text.count > 0 else { return [] }
    let buffers = TextBuffers(tracksPlaces: false, bytes: text.count)
    var view = TextView(bytes: base.assumingMemoryBound(to: UInt8.self), count: text.count, places: nil, origin: 0, isAtStart: true)
    try normalize(&view, normalizers, buffers)
    return withExtendedLifetime(buffers) { Array(UnsafeBufferPointer(start: view.bytes, count: view.count)) }
  }

  private static func normalize(_ view: inout TextView, _ normalizers: [Normalizer], _ buffers: borrowing TextBuffers) throws(RecordFault) {
    var (out, other) = buffers.forNormalizers
    for step in normalizers {
      guard let changed = try step.apply(view, into: out) else { continue }
      view = changed
      try check(view.count)
      swap(&out, &other)
    }
  }

  private mutating func normalize(_ raw: TextView) throws(RecordFault) {
    var view = raw
    try Self.normalize(&view, steps.normalizers, buffers)
    if view.count == 0 { return }
    guard let added = steps.normalizedTokens else { return try split(view) }
    var parts = AddedTokens.Parts(added, in: view)
    while let (start, end, id) = parts.part() {
      if let id { tokens.append(id, view, start, end, .text) } else { try split(view.part(start, end)) }
      if isOver { return }
    }
  }

  private mutating func split(_ whole: TextView) throws(RecordFault) {
    var view = whole
    words.removeAll()
    words.append(0, view.count)
    var (out, other) = buffers.forPreTokenizers
    for step in steps.preTokenizers {
      view = try step.apply(view, words, into: out, &newWords)
      swap(&words, &newWords)
      if step.edits { swap(&out, &other) }
    }
    for index in 0..<words.count {
      let (start, end) = words[index]
      try scratch.tokenize(view.part(start, end), with: steps.model, into: &tokens)
      isOver = tokens.count >= limit
      if isOver { return }
    }
  }

  /// Tokens to be written while the run is alive.
  func tokens(of text: UnsafeRawBufferPointer, kept: Range<Int>) -> PostProcessor.Tokens {
    PostProcessor.Tokens(ids: tokens.ids, spans: tokens.spans, kept: kept, text: text)
  }
}
