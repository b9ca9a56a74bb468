import COniguruma
import Sheaf

/// A regular expression of Oniguruma, the engine that Hugging Face's tokenizers use. Immutable: any number of threads may search.
final class Regex: @unchecked Sendable {  // Oniguruma's programs are read-only once compiled.
  struct Invalid: Error { var message: String }

  private let program: OpaquePointer

  /// Tries in one search, over all places where a match may begin. More means that expression and text do not go together: such a
  /// search would take seconds.
  private static let retries: UInt = 50_000_000
  /// Why there are no regular expressions; `nil`: there are.
  static let missing = sheaf_onig_load(retries).map { String(cString: $0) }

  init(_ pattern: String) throws(Invalid) {
    if let missing = Self.missing { throw Invalid(message: missing) }
    var message = [UInt8](repeating: 0, count: 91)
    let pattern = Array(pattern.utf8)
    let compiled = sheaf_onig_new(pattern, pattern.count, &message)
    guard let compiled else { throw Invalid(message: String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)) }
    program = compiled
  }

  deinit { sheaf_onig_free(program) }

  /// The matches in a text one after the other, as Hugging Face's tokenizers see them: an empty one is left out behind another match.
  struct Matches: ~Copyable {
    private let regex: Regex
    private let text: UnsafePointer<UInt8>
    private let count: Int
    private let region: OpaquePointer
    private var next = 0
    private var lastEnd = -1

    init(_ regex: Regex, _ text: UnsafePointer<UInt8>, _ count: Int) {
      self.regex = regex
      self.text = text
      self.count = count
      region = sheaf_onig_region_new()
    }

    deinit { sheaf_onig_region_free(region) }

    /// The next match; `nil`: there is none.
    /// - Throws: a fault where the search would take too long.
    mutating func match() throws(RecordFault) -> (start: Int, end: Int)? {
      while next <= count {
        var start = 0, end = 0
        let found = sheaf_onig_search(regex.program, region, text, count, next, &start, &end)
        if found == 0 { return nil }
        guard found >= 0 else {
          let came = "one of \(count) bytes where that takes too long"
          throw RecordFault(.tooLarge, expected: "a text that can be searched for the tokenizer's regular expressions", came: came)
        }
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
