import SheafTesting

/// Real texts that most Debian machines have or can have: proverbs, quotations, jokes.
enum Fortunes {
  private static let folder = "/usr/share/games/fortunes"

  /// That many texts, drawn evenly from all files; some come again where there are not enough.
  static func texts(_ count: Int) throws -> [String] {
    let all = fileNames(in: folder).filter { !$0.contains(".") }.flatMap { (try? texts(file: "\(folder)/\($0)")) ?? [] }
    guard !all.isEmpty else {
      throw UsageError("demo: there are no texts in \(folder); on Debian `apt-get install fortunes` brings them")
    }
    return (0..<count).map { all[count < all.count ? $0 * all.count / count : $0 % all.count] }
  }

  /// Texts are separated by lines with a percent sign. The very long ones are left out: the model reads only their beginning.
  private static func texts(file: String) throws -> [String] {
    var texts: [String] = []
    var lines: [Substring] = []
    for line in try readText(file).split(separator: "\n", omittingEmptySubsequences: false) {
      if line != "%" {
        lines.append(line)
        continue
      }
      let text = lines.joined(separator: "\n")
      if (1...600).contains(text.utf8.count) { texts.append(text) }
      lines = []
    }
    return texts
  }
}
