import COniguruma
import Sheaf

/// A regular expression of Oniguruma, the engine that Hugging Face's tokenizers use. Immutable: any number of threads may search.
final class Regex: @unchecked Sendable {  // Oniguruma's programs are read-only once compiled.
  struct Invalid: Error { var message: String }

  private let program: OnigRegex

  /// Tries in one search, over all places where a match may begin. More means that expression and text do not go together: such a
  /// search would take seconds.
  private static let retries: UInt = 50_000_000
  private static let isReady = sheaf_onig_initialize(retries) == ONIG_NORMAL

  init(_ pattern: String) throws(Invalid) {
    guard Self.isReady else { throw Invalid(message: "Oniguruma cannot be initialised") }
    var message = [UInt8](repeating: 0, count: Int(ONIG_MAX_ERROR_MESSAGE_LEN) + 1)
    let pattern = Array(pattern.utf8)
    let compiled = sheaf_onig_new(pattern, pattern.count, &message)
    guard let compiled else { throw Invalid(message: String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)) }
    program = compiled
  }

  deinit { onig_free(program) }

  /// The matches in a text one after the other, as Hugging Face's tokenizers see them: an empty one is left out behind another match.
  struct Matches: ~Copyable {
    private let regex: Regex
    private let text: UnsafePointer<UInt8>
    private let count: Int
    private let region: UnsafeMutablePointer<OnigRegion>
    private var next = 0
    private var lastEnd = -1

    init(_ regex: Regex, _ text: UnsafePointer<UInt8>, _ count: Int) {
      self.regex = regex
      self.text = text
      self.count = count
      region = onig_region_new()
    }

    deinit { onig_region_free(region, 1) }

    /// The next match; `nil`: there is none.
    /// - Throws: a fault where the search would take too long.
    mutating func match() throws(RecordFault) -> (start: Int, end: Int)? {
      while next <= count {
        let found = onig_search(regex.program, text, text + count, text + next, text + count, region, OnigOptionType(ONIG_OPTION_NONE))
        if found == ONIG_MISMATCH { return nil }
        guard found >= 0 else {
          let came = "one of \(count) bytes where that takes too long"
          throw RecordFault(.tooLarge, expected: "a text that can be searched for the tokenizer's regular expressions", came: came)
        }
        let start = Int(region.pointee.beg[0]), end = Int(region.pointee.end[0])
        if start == end && start == lastEnd {
          next += next < count ? UTF8Bytes.length(text[next]) : 1
          continue
        }
        next = end
        lastEnd = end
        return (start, end)
      }
      return nil
    }
  }
}
