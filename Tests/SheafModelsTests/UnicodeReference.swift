import CUTF8Proc
import Glibc

@testable import SheafModels

/// utf8proc's own normal forms, of whole texts.
func reference(_ text: String, _ form: UnicodeNormalizer.Form) -> [UInt8] {
  var options = UTF8PROC_STABLE.rawValue
  options |= form == .nfc || form == .nfkc ? UTF8PROC_COMPOSE.rawValue : UTF8PROC_DECOMPOSE.rawValue
  if form == .nfkc || form == .nfkd { options |= UTF8PROC_COMPAT.rawValue }
  let bytes = Array(text.utf8)
  var result: UnsafeMutablePointer<UInt8>?
  let count = utf8proc_map(bytes, bytes.count, &result, utf8proc_option_t(rawValue: options))
  defer { free(result) }
  return Array(UnsafeBufferPointer(start: result, count: max(0, count)))
}
