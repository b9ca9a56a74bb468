import Sheaf

/// Unicode's normal forms.
struct UnicodeNormalizer {
  enum Form: String {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"
  }
  private let composes: Bool
  private let isCompatible: Bool
  /// A character without these stays as it is, whatever stands around it, and nothing before it changes for it.
  private let unstable: UInt8
  private let table = NormalizationTraits.table

  init(_ form: Form) {
    composes = form == .nfc || form == .nfkc
    isCompatible = form == .nfkc || form == .nfkd
    var unstable: NormalizationTraits = composes ? [.attaches, .recomposes] : [.decomposes, .isOrdered]
    if isCompatible { unstable.formUnion([.isCompatibility, .attachesCompatibly]) }
    self.unstable = unstable.rawValue
  }

  func apply(_ source: TextView, into out: TextBuffer) -> TextView? {
    let bytes = source.bytes, count = source.count
    var editor = TextEditor(source, into: out)
    var segment = Segment(composes: composes, isCompatible: isCompatible)
    var isChanged = false
    var index = 0
    // Where the last character begins, and whether it was stable.
    var last = 0
    while index < count {
      // Of ASCII nothing changes, but its last character may with what follows.
      while index < count, bytes[index] < 0x80 {
        last = index
        index &+= 1
      }
      guard index < count else { break }
      let start = index
      let scalar = UTF8Bytes.decode(bytes, &index)
      guard table[scalar] & unstable != 0 else {
        last = start
        continue
      }
      // Up to the next stable character, together with the one before where that may be composed.
      let from = composes && start > 0 ? last : start
      while index < count {
        var next = index
        if table[UTF8Bytes.decode(bytes, &next)] & unstable == 0 { break }
        index = next
      }
      editor.copy(to: from)
      segment.normalize(bytes, from, index, &editor)
      isChanged = true
      last = index
    }
    return isChanged ? editor.finish() : nil
  }

  /// Characters between two stable ones, decomposed. Kept from one to the next for its memory.
  private struct Segment {
    let composes: Bool
    let isCompatible: Bool
    private struct Part {
      var scalar: UInt32
      var order: Int
      var change: Int
    }
    private var parts: [Part] = []
    /// Marks that were not composed with the character they follow.
    private var waiting: [Part] = []

    init(composes: Bool, isCompatible: Bool) {
      self.composes = composes
      self.isCompatible = isCompatible
    }

    mutating func normalize(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ editor: inout TextEditor) {
      decompose(bytes, start, end)
      sort()
      if composes {
        compose(&editor)
      } else {
        for part in parts { editor.put(part.scalar, part.change) }
      }
    }

    private mutating func decompose(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) {
      parts.removeAll(keepingCapacity: true)
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: UnicodeScalars.longestDecomposition) { decomposed in
        var index = start
        while index < end {
          let count = UnicodeScalars.decompose(UTF8Bytes.decode(bytes, &index), compatibly: isCompatible, into: decomposed.baseAddress!)
          for place in 0..<count {
            let scalar = UInt32(decomposed[place])
            parts.append(Part(scalar: scalar, order: UnicodeScalars.combiningClass(scalar), change: place == 0 ? 0 : 1))
          }
        }
      }
    }

    /// Brings marks that follow one another into order, by their combining class.
    private mutating func sort() {
      var start = 0
      while start < parts.count {
        guard parts[start].order != 0 else {
          start += 1
          continue
        }
        var end = start + 1
        while end < parts.count, parts[end].order != 0 { end += 1 }
        // Swift's sort keeps the order of equals.
        if end - start > 1 { parts[start..<end].sort { $0.order < $1.order } }
        start = end
      }
    }

    /// Unicode's canonical composition. A character that takes others in replaces them all.
    private mutating func compose(_ editor: inout TextEditor) {
      var base: Part?
      var lastOrder: Int?
      for part in parts {
        guard let current = base else {
          if part.order == 0 { base = part } else { editor.put(part.scalar, part.change) }
          continue
        }
        // A mark is kept from its character by another one between them that is not of a lower class.
        let isBlocked = lastOrder.map { $0 >= part.order } ?? false
        if !isBlocked, let composed = Composition.of(current.scalar, part.scalar) {
          base = Part(scalar: composed, order: 0, change: current.change + part.change - 1)
        } else if part.order == 0 {
          flush(current, &editor)
          base = part
          lastOrder = nil
        } else {
          waiting.append(part)
          lastOrder = part.order
        }
      }
      if let base { flush(base, &editor) }
    }

    private mutating func flush(_ base: Part, _ editor: inout TextEditor) {
      editor.put(base.scalar, base.change)
      for part in waiting { editor.put(part.scalar, part.change) }
      waiting.removeAll(keepingCapacity: true)
    }
  }
}
