import CUTF8Proc

/// What Unicode says about single characters, beyond what kind they are.
enum UnicodeScalars {
  /// 0 for most characters: those between which marks are put in order.
  static func combiningClass(_ scalar: UInt32) -> Int { Int(utf8proc_get_property(Int32(scalar)).pointee.combining_class) }

  /// The CJK ideograph blocks of BERT's original code (no kana, no hangul).
  @inline(__always) static func isIdeograph(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  /// The most characters that one is decomposed into.
  static let longestDecomposition = 18

  /// Writes the decomposition of a scalar, which `out` has to have room for, and returns how many there are.
  static func decompose(_ scalar: UInt32, compatibly: Bool = false, into out: UnsafeMutablePointer<Int32>) -> Int {
    var boundary: Int32 = 0
    let options = compatibly ? UTF8PROC_DECOMPOSE.rawValue | UTF8PROC_COMPAT.rawValue : UTF8PROC_DECOMPOSE.rawValue
    let count = utf8proc_decompose_char(Int32(scalar), out, longestDecomposition, utf8proc_option_t(rawValue: options), &boundary)
    if count >= 1, count <= longestDecomposition { return count }
    out[0] = Int32(scalar)
    return 1
  }

  /// The lower case of a scalar; of all scalars only İ becomes two (i and a dot above).
  @inline(__always) static func lowercase(_ scalar: UInt32) -> (UInt32, UInt32?) {
    if scalar == 0x130 { return (0x69, 0x307) }
    return (UInt32(utf8proc_tolower(Int32(scalar))), nil)
  }
}
