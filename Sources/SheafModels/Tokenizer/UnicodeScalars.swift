import CUTF8Proc
import Sheaf

/// The properties of characters that a BERT tokenizer asks for, beyond ASCII.
enum UnicodeScalars {
  /// White_Space, as Rust's char::is_whitespace has it.
  @inline(__always) static func isWhitespace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 9...13, 32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  /// Categories Cc, Cf, Co (and Cs, which is not in UTF-8).
  static func isControl(_ scalar: UInt32) -> Bool {
    switch utf8proc_category(Int32(scalar)) {
    case UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_CS: true
    default: false
    }
  }

  /// All P categories.
  static func isPunctuation(_ scalar: UInt32) -> Bool {
    switch utf8proc_category(Int32(scalar)) {
    case UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PD, UTF8PROC_CATEGORY_PS, UTF8PROC_CATEGORY_PE, UTF8PROC_CATEGORY_PI,
      UTF8PROC_CATEGORY_PF, UTF8PROC_CATEGORY_PO:
      true
    default: false
    }
  }

  static func isNonspacingMark(_ scalar: UInt32) -> Bool { utf8proc_category(Int32(scalar)) == UTF8PROC_CATEGORY_MN }

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

  /// Writes the canonical decomposition of a scalar, at most `room`, and returns how many there are.
  static func decompose(_ scalar: UInt32, into out: UnsafeMutablePointer<Int32>, room: Int) -> Int {
    var boundary: Int32 = 0
    let count = utf8proc_decompose_char(Int32(scalar), out, room, UTF8PROC_DECOMPOSE, &boundary)
    if count >= 1, count <= room { return count }
    out[0] = Int32(scalar)
    return 1
  }

  /// The lower case of a scalar; of all scalars only İ becomes two (i and a dot above).
  static func lowercase(_ scalar: UInt32) -> (UInt32, UInt32?) {
    if scalar == 0x130 { return (0x69, 0x307) }
    return (UInt32(utf8proc_tolower(Int32(scalar))), nil)
  }
}
