import CUTF8Proc

/// What Unicode's normal forms need to know of a character.
struct NormalizationTraits: OptionSet {
  var rawValue: UInt8
  /// NFD writes it as others.
  static let decomposes = NormalizationTraits(rawValue: 1)
  /// NFKD writes it differently than NFD.
  static let isCompatibility = NormalizationTraits(rawValue: 2)
  /// It is a mark that has to be brought into order with others.
  static let isOrdered = NormalizationTraits(rawValue: 4)
  /// In NFC it may change, or change with, what stands before it.
  static let attaches = NormalizationTraits(rawValue: 8)
  /// The same in NFKC.
  static let attachesCompatibly = NormalizationTraits(rawValue: 16)
  /// NFC writes it differently even where it stands alone.
  static let recomposes = NormalizationTraits(rawValue: 32)

  static let table = UnicodeTable { traits($0).rawValue }

  private static func traits(_ scalar: UInt32) -> NormalizationTraits {
    if 0xD800...0xDFFF ~= scalar { return [] }
    return withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * UnicodeScalars.longestDecomposition) { parts in
      let canonical = parts.baseAddress!, compatible = canonical + UnicodeScalars.longestDecomposition
      let count = UnicodeScalars.decompose(scalar, into: canonical)
      let compatibleCount = UnicodeScalars.decompose(scalar, compatibly: true, into: compatible)
      var traits: NormalizationTraits = []
      if count != 1 || canonical[0] != Int32(scalar) { traits.insert(.decomposes) }
      if count != compatibleCount || !(0..<count).allSatisfy({ canonical[$0] == compatible[$0] }) { traits.insert(.isCompatibility) }
      if UnicodeScalars.combiningClass(scalar) != 0 { traits.insert(.isOrdered) }
      if attaches(UInt32(canonical[0])) { traits.insert(.attaches) }
      if attaches(UInt32(compatible[0])) { traits.insert(.attachesCompatibly) }
      if traits.contains(.decomposes), Composition.compose(canonical, count) != scalar { traits.insert(.recomposes) }
      return traits
    }
  }

  private static func attaches(_ scalar: UInt32) -> Bool {
    UnicodeScalars.combiningClass(scalar) != 0 || Composition.seconds.contains(scalar) || 0x1161...0x1175 ~= scalar || 0x11A8...0x11C2 ~= scalar
  }
}

/// The characters that two others make.
enum Composition {
  /// Of a first and a second character; `nil`: they make none.
  static func of(_ first: UInt32, _ second: UInt32) -> UInt32? {
    let lead = first &- 0x1100, vowel = second &- 0x1161
    if lead < 19, vowel < 21 { return 0xAC00 + (lead * 21 + vowel) * 28 }
    let syllable = first &- 0xAC00, tail = second &- 0x11A7
    if syllable < 11172, syllable % 28 == 0, 1..<28 ~= tail { return first + tail }
    return pairs[UInt64(first) << 32 | UInt64(second)]
  }

  /// All characters that are the second of a pair.
  static let seconds = Set(pairs.keys.map { UInt32(truncatingIfNeeded: $0) })

  private static let pairs: [UInt64: UInt32] = {
    var pairs: [UInt64: UInt32] = [:]
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: UnicodeScalars.longestDecomposition) { parts in
      for scalar in UInt32(0x80)..<0x30000 where !(0xAC00...0xDFFF ~= scalar) {
        let count = UnicodeScalars.decompose(scalar, into: parts.baseAddress!)
        // A character may be excluded from composition, and what stands before its last part has to be one character.
        guard count >= 2, compose(parts.baseAddress!, count) == scalar, let first = compose(parts.baseAddress!, count - 1) else { continue }
        pairs[UInt64(first) << 32 | UInt64(UInt32(parts[count - 1]))] = scalar
      }
    }
    return pairs
  }()

  /// The one character that NFC makes of decomposed ones, if it is one.
  static func compose(_ parts: UnsafePointer<Int32>, _ count: Int) -> UInt32? {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: UnicodeScalars.longestDecomposition) { scratch in
      scratch.baseAddress!.update(from: parts, count: count)
      let options = utf8proc_option_t(rawValue: UTF8PROC_STABLE.rawValue | UTF8PROC_COMPOSE.rawValue)
      return utf8proc_normalize_utf32(scratch.baseAddress!, count, options) == 1 ? UInt32(scratch[0]) : nil
    }
  }
}
