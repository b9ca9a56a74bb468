/// What a commit says beside its offset, in the offset's metadata: who holds the partition, and how far it may have begun.
///
///     sheaf/1 9f86d081884c7d65 begun=1200     records below 1200 may be at work
///     sheaf/1 9f86d081884c7d65 clean          nothing is
///
/// Whoever is assigned the partition next and finds that its holder may have begun what is not committed knows that the holder
/// ended without a last word: one of these records may have killed it.
struct CommitMark: Equatable, Sendable {
  /// The worker's random id.
  var holder: UInt64
  /// Records below this offset may have begun; nil: the partition was given back in order.
  var begun: Int64?

  init(holder: UInt64, begun: Int64?) {
    self.holder = holder
    self.begun = begun
  }

  /// - Parameter metadata: of a committed offset. What is not ours, or of another version, says nothing: `nil`.
  init?(_ metadata: String) {
    let words = metadata.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[0] == "sheaf/1", let holder = UInt64(words[1], radix: 16) else { return nil }
    self.holder = holder
    if words[2] == "clean" { return }
    guard words[2].hasPrefix("begun="), let begun = Int64(words[2].dropFirst(6)), begun >= 0 else { return nil }
    self.begun = begun
  }

  var metadata: String { "sheaf/1 \(String(holder, radix: 16)) \(begun.map { "begun=\($0)" } ?? "clean")" }
}
