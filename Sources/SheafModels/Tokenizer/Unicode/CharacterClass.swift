import CUTF8Proc
import Sheaf

/// What kinds of character a code point belongs to; all that tokenizers ask about.
struct CharacterClass: OptionSet {
  var rawValue: UInt8
  /// Categories L.
  static let letter = CharacterClass(rawValue: 1)
  /// Categories N.
  static let number = CharacterClass(rawValue: 2)
  /// White_Space, as Rust's `char::is_whitespace` and Oniguruma's `\s` have it.
  static let space = CharacterClass(rawValue: 4)
  /// What `\w` matches in Rust's regular expressions.
  static let word = CharacterClass(rawValue: 8)
  /// Categories P, and all of ASCII that is neither letter, digit, blank nor control.
  static let punctuation = CharacterClass(rawValue: 16)
  /// Categories M.
  static let mark = CharacterClass(rawValue: 32)
  /// Category Mn.
  static let nonspacingMark = CharacterClass(rawValue: 64)
  /// Categories Cc, Cf, Co (and Cs, which is not in UTF-8).
  static let control = CharacterClass(rawValue: 128)

  @inline(__always) static func of(_ scalar: UInt32) -> CharacterClass { CharacterClass(rawValue: table[scalar]) }

  /// Of the character of a text that ends before byte `end`, which is not the first.
  static func before(_ bytes: UnsafePointer<UInt8>, _ end: Int) -> CharacterClass {
    var start = end - 1
    while UTF8Bytes.continues(bytes[start]) { start -= 1 }
    return of(UTF8Bytes.decode(bytes, &start))
  }

  /// For loops: what is global is asked for once.
  static let table = UnicodeTable { classify($0).rawValue }

  private static func classify(_ scalar: UInt32) -> CharacterClass {
    var classes: CharacterClass =
      switch utf8proc_category(Int32(scalar)) {
      case UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LT, UTF8PROC_CATEGORY_LM, UTF8PROC_CATEGORY_LO: [.letter, .word]
      case UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NL: [.number, .word]
      case UTF8PROC_CATEGORY_NO: .number
      case UTF8PROC_CATEGORY_PC: [.punctuation, .word]
      case UTF8PROC_CATEGORY_PD, UTF8PROC_CATEGORY_PS, UTF8PROC_CATEGORY_PE, UTF8PROC_CATEGORY_PI, UTF8PROC_CATEGORY_PF,
        UTF8PROC_CATEGORY_PO:
        .punctuation
      case UTF8PROC_CATEGORY_MN: [.mark, .nonspacingMark, .word]
      case UTF8PROC_CATEGORY_MC, UTF8PROC_CATEGORY_ME: [.mark, .word]
      case UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_CS: .control
      default: []
      }
    switch scalar {
    case 9...13, 32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: classes.insert(.space)
    case 33...47, 58...64, 91...96, 123...126: classes.insert(.punctuation)
    // Join controls, and circled and squared letters, which are alphabetic without being letters.
    case 0x200C, 0x200D, 0x24B6...0x24E9, 0x1F130...0x1F149, 0x1F150...0x1F169, 0x1F170...0x1F189: classes.insert(.word)
    default: break
    }
    return classes
  }
}
