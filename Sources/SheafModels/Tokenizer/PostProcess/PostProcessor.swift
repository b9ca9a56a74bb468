import Sheaf

/// What is set around the tokens of a text, or of a pair of texts.
struct PostProcessor: Sendable {
  enum Part: Sendable, Equatable {
    case special(ids: [Int64], type: Int64)
    /// The tokens of the first text or of the second one.
    case text(isSecond: Bool, type: Int64)
  }
  /// How places leave the blanks out that their tokens begin and end with.
  struct Trim: Sendable {
    /// The first token's only blank may be one that the tokenizer has set there.
    var hasPrefixSpace: Bool
  }
  var single: [Part] = [.text(isSecond: false, type: 0)]
  /// `nil`: there is no such thing as a pair.
  var pair: [Part]? = [.text(isSecond: false, type: 0), .text(isSecond: true, type: 1)]
  var trims: [Trim] = []

  /// How many tokens are added.
  static func added(_ parts: [Part]) -> Int {
    parts.reduce(0) { sum, part in if case .special(let ids, _) = part { sum + ids.count } else { sum } }
  }

  var largestID: Int64 {
    (single + (pair ?? [])).reduce(0) { largest, part in if case .special(let ids, _) = part { max(largest, ids.max() ?? 0) } else { largest } }
  }

  /// Whether a token may have another type than 0.
  static func hasTypes(_ parts: [Part]) -> Bool {
    parts.contains { part in
      switch part {
      case .special(let ids, let type): !ids.isEmpty && type != 0
      case .text(_, let type): type != 0
      }
    }
  }

  /// What stands before and behind the tokens of a text alone.
  var around: (before: [Int64], after: [Int64]) {
    var ids: [[Int64]] = [[]]
    for part in single {
      if case .special(let special, _) = part { ids[ids.count - 1] += special } else { ids.append([]) }
    }
    return (ids[0], ids.count > 1 ? ids[1] : [])
  }

  /// The types of the tokens of a text alone, where `ids` are there already.
  func writeSingleTypes(into tokens: inout TokenSequence) {
    let count = tokens.ids.count - Self.added(single)
    for part in single {
      let length = if case .special(let ids, _) = part { ids.count } else { count }
      tokens.types.append(contentsOf: repeatElement(part.type, count: length))
    }
    Self.dropZeros(&tokens.types)
  }

  /// Types that are all 0 need not be said: a text that has another type may be empty.
  private static func dropZeros(_ types: inout [Int64]) {
    if !types.contains(where: { $0 != 0 }) { types.removeAll(keepingCapacity: true) }
  }

  /// A text's tokens, of which those in `kept` count, and the text itself.
  struct Tokens {
    var ids: UnsafePointer<Int64>
    var spans: UnsafePointer<TokenList.Span>?
    var kept: Range<Int>
    var text: UnsafeRawBufferPointer
  }

  func write(_ parts: [Part], _ first: Tokens, _ second: Tokens?, into tokens: inout TokenSequence) {
    let hasTypes = Self.hasTypes(parts)
    for part in parts {
      let count: Int, type: Int64
      switch part {
      case .special(let ids, let specialType):
        (count, type) = (ids.count, specialType)
        tokens.ids.append(contentsOf: ids)
        if tokens.wantsPlaces { for _ in 0..<count { tokens.places.append(Place(start: 0, end: 0)) } }
      case .text(let isSecond, let textType):
        guard let text = isSecond ? second : first else { continue }
        (count, type) = (text.kept.count, textType)
        tokens.ids.append(contentsOf: UnsafeBufferPointer(start: text.ids + text.kept.lowerBound, count: count))
        if let spans = text.spans { writePlaces(spans, text, into: &tokens) }
      }
      if hasTypes { tokens.types.append(contentsOf: repeatElement(type, count: count)) }
    }
    if hasTypes { Self.dropZeros(&tokens.types) }
  }

  private func writePlaces(_ spans: UnsafePointer<TokenList.Span>, _ text: Tokens, into tokens: inout TokenSequence) {
    for index in text.kept {
      var place = spans[index].place
      for trim in trims { place = trim.trimmed(place, spans[index], isFirst: index == text.kept.lowerBound, text.text) }
      tokens.places.append(place)
    }
  }
}

extension PostProcessor.Trim {
  fileprivate func trimmed(_ place: Place, _ span: TokenList.Span, isFirst: Bool, _ text: UnsafeRawBufferPointer) -> Place {
    var before = Int(span.blanksBefore)
    let behind = Int(span.blanksBehind)
    if hasPrefixSpace, before == 1, isFirst || place.start == 0 { before = 0 }
    var start = Int(place.start), end = Int(place.end)
    // By characters of the text as it came, whatever they are.
    while before > 0, start < end {
      start += UTF8Bytes.length(text[start])
      before -= 1
    }
    start = min(start, end)
    var at = end, left = behind
    while left > 0, at > 0 {
      at -= 1
      while at > 0, UTF8Bytes.continues(text[at]) { at -= 1 }
      left -= 1
    }
    // Where there are not as many characters before the end, none is taken away.
    if left == 0 { end = max(at, start) }
    return Place(start: Int32(start), end: Int32(end))
  }
}
