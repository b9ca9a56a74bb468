import Glibc
import Sheaf

/// The pieces of a WordPiece model, and the longest piece at a place in a word.
///
/// A table with open addressing, looked up by polynomial hash. The hash of any part of a word follows from the hashes of the
/// word's beginnings, so that every candidate costs one multiplication instead of its length. Immutable.
final class Vocabulary: @unchecked Sendable {  // Its memory is written in init only.
  private struct Entry {
    var hash: UInt64
    var start: UInt32
    var count: UInt16
    /// Behind the first piece of a word.
    var continues: Bool
    /// -1: the slot is free.
    var id: Int32
  }
  private let slots: UnsafeMutablePointer<Entry>
  private let mask: Int
  private let text: UnsafeMutablePointer<UInt8>
  /// multiplier^n for every n up to the longest piece.
  private let powers: UnsafeMutablePointer<UInt64>
  /// Bytes of the longest piece.
  let longest: Int

  private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// - Parameters:
  ///   - pieces: each once.
  ///   - prefix: what marks a piece that continues a word, as in `##ing`.
  init(_ pieces: [(text: ArraySlice<UInt8>, value: Int32)], prefix: [UInt8]) {
    var entries: [(bytes: ArraySlice<UInt8>, continues: Bool, id: Int32)] = []
    for (bytes, id) in pieces {
      // The model looks both up as they stand: a word could begin with the mark.
      entries.append((bytes, false, id))
      if bytes.starts(with: prefix) { entries.append((bytes.dropFirst(prefix.count), true, id)) }
    }
    entries.removeAll { $0.bytes.isEmpty || $0.bytes.count > Int(UInt16.max) }
    longest = entries.map(\.bytes.count).max() ?? 0
    powers = .allocate(capacity: longest + 1)
    powers[0] = 1
    for index in 1..<max(1, longest + 1) { powers[index] = powers[index - 1] &* Self.multiplier }

    var capacity = 16
    while capacity < entries.count * 3 { capacity *= 2 }
    mask = capacity - 1
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: Entry(hash: 0, start: 0, count: 0, continues: false, id: -1), count: capacity)
    text = .allocate(capacity: max(1, entries.reduce(0) { $0 + $1.bytes.count }))

    var used = 0
    for entry in entries {
      let start = used
      for byte in entry.bytes {
        text[used] = byte
        used += 1
      }
      let hash = entry.bytes.reduce(UInt64(0)) { Self.extend($0, $1) }
      let key = Self.mix(hash, entry.bytes.count, entry.continues)
      var slot = Int(truncatingIfNeeded: key) & mask
      while slots[slot].id >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Entry(hash: key, start: UInt32(start), count: UInt16(entry.bytes.count), continues: entry.continues, id: entry.id)
    }
  }

  deinit {
    slots.deallocate()
    text.deallocate()
    powers.deallocate()
  }

  /// The hash of a text that is one byte longer.
  @inline(__always) static func extend(_ hash: UInt64, _ byte: UInt8) -> UInt64 { hash &* multiplier &+ UInt64(byte) &+ 1 }

  @inline(__always) private static func mix(_ hash: UInt64, _ count: Int, _ continues: Bool) -> UInt64 {
    var key = hash ^ UInt64(truncatingIfNeeded: count) << 56 ^ (continues ? 0xD1B5_4A32_D192_ED03 : 0)
    key ^= key >> 29
    key &*= 0xBF58_476D_1CE4_E5B9
    return key ^ key >> 32
  }

  /// The longest piece that `word` has at `start`, and where it ends; `nil`: none.
  /// - Parameter hashes: `hashes[n]` is the hash of the word's first n bytes.
  @inline(__always) func longestPiece(
    _ word: UnsafePointer<UInt8>, _ count: Int, from start: Int, _ hashes: UnsafePointer<UInt64>
  ) -> (id: Int32, end: Int)? {
    var end = min(count, start + longest)
    while end > start {
      // Pieces are whole characters and begin at one, so a cut inside a character finds none: no need to look for it.
      if end == count || word[end] & 0xC0 != 0x80 {
        let length = end - start
        let key = Self.mix(hashes[end] &- hashes[start] &* powers[length], length, start > 0)
        var slot = Int(truncatingIfNeeded: key) & mask
        while slots[slot].id >= 0 {
          let entry = slots[slot]
          if entry.hash == key, Int(entry.count) == length, entry.continues == (start > 0), memcmp(text + Int(entry.start), word + start, length) == 0 {
            return (entry.id, end)
          }
          slot = (slot + 1) & mask
        }
      }
      end -= 1
    }
    return nil
  }
}
