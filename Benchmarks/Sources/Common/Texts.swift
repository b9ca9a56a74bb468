import Glibc
import SheafTesting

/// Words of the fortunes, strung together to lognormal lengths: median 32 tokens, at most 256.
public func lognormalTexts(_ count: Int, seed: UInt64 = 7) throws -> [String] {
  let folder = "/usr/share/games/fortunes/"
  let words = try ["fortunes", "literature", "riddles"].flatMap { try readText(folder + $0).split { !$0.isLetter }.map(String.init) }
  var random = SeededGenerator(seed: seed)
  return (0..<count).map { _ in
    // Two uniform numbers make a normal one (Box and Muller).
    let normal = sqrt(-2 * log(Double.random(in: 1e-9..<1, using: &random))) * cos(2 * Double.pi * Double.random(in: 0..<1, using: &random))
    let tokens = min(256, max(3, Int(32 * exp(0.9 * normal))))
    let start = Int.random(in: 0..<(words.count - 256), using: &random)
    return words[start..<start + max(1, tokens * 3 / 4)].joined(separator: " ")
  }
}
