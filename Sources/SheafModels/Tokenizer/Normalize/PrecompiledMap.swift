import CUTF8Proc
import Sheaf

/// The map of characters that a sentencepiece model brings along, applied as Hugging Face's tokenizers do: to a whole grapheme of up
/// to five bytes, else character by character, and of all entries that fit the shortest one counts, for all of the grapheme.
final class PrecompiledMap: Sendable {
  /// A double array in the format of Darts: in each unit a label, the offset of its children, and whether a value is among them.
  private let units: [UInt32]
  /// What entries are replaced by, each ended by a zero.
  private let replacements: [UInt8]
  /// Which bytes of ASCII stay as they are where they stand alone.
  private let keepsASCII: [Bool]

  /// - Parameter blob: the length of the units in bytes, the units, the replacements. `nil`: it is none.
  init?(_ blob: [UInt8]) {
    guard blob.count >= 4 else { return nil }
    func unit(_ index: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(blob[index + $1]) << (8 * $1) } }
    let count = Int(unit(0)) / 4
    guard count >= 1, 4 + count * 4 <= blob.count else { return nil }
    units = (0..<count).map { unit(4 + $0 * 4) }
    replacements = Array(blob[(4 + count * 4)...])
    guard replacements.withUnsafeBytes({ UTF8Bytes.firstInvalid($0) }) == nil else { return nil }
    let (units, replacements) = (units, replacements)
    keepsASCII = (0..<128).map { byte in withUnsafePointer(to: UInt8(byte)) { Self.replacement($0, 1, units, replacements) == nil } }
  }

  func apply(_ source: TextView, into out: TextBuffer) -> TextView? {
    let bytes = source.bytes, count = source.count
    if staysAsItIs(bytes, count) { return nil }
    var writer = Writer(TextEditor(source, into: out))
    var isChanged = false
    var index = 0
    while index < count {
      // A character of ASCII before another one is a grapheme, but for the two that end a line.
      if bytes[index] < 0x80, index + 1 == count || bytes[index + 1] < 0x80, keepsASCII[Int(bytes[index])],
        !(bytes[index] == 13 && index + 1 < count && bytes[index + 1] == 10) {
        writer.keep(UInt32(bytes[index]))
        index &+= 1
        continue
      }
      let end = Self.graphemeEnd(bytes, index, count)
      if end - index < 6, let replacement = Self.replacement(bytes + index, end - index, units, replacements) {
        isChanged = true
        writer.replace(Self.characters(bytes, index, end), by: replacements[replacement])
        index = end
        continue
      }
      while index < end {
        let start = index
        let scalar = UTF8Bytes.decode(bytes, &index)
        if let replacement = Self.replacement(bytes + start, index - start, units, replacements) {
          isChanged = true
          writer.replace(1, by: replacements[replacement])
        } else {
          writer.keep(scalar)
        }
      }
    }
    return isChanged ? writer.finish() : nil
  }

  /// For most texts in English.
  private func staysAsItIs(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    keepsASCII.withUnsafeBufferPointer { keeps in
      for index in 0..<count where bytes[index] >= 0x80 || !keeps[Int(bytes[index])] || bytes[index] == 13 { return false }
      return true
    }
  }

  private static func graphemeEnd(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
    var end = start
    var before = UTF8Bytes.decode(bytes, &end)
    var state: Int32 = 0
    while end < count {
      var next = end
      let scalar = UTF8Bytes.decode(bytes, &next)
      if utf8proc_grapheme_break_stateful(Int32(before), Int32(scalar), &state) { break }
      before = scalar
      end = next
    }
    return end
  }

  private static func characters(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    var characters = 0
    for index in start..<end where !UTF8Bytes.continues(bytes[index]) { characters += 1 }
    return characters
  }

  /// What the shortest entry that these bytes begin with is replaced by.
  private static func replacement(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ units: [UInt32], _ replacements: [UInt8]) -> Range<Int>? {
    func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
    var node = offset(units[0])
    for index in 0..<count {
      let byte = bytes[index]
      if byte == 0 { return nil }
      node ^= Int(byte)
      guard node < units.count else { return nil }
      let unit = units[node]
      if unit & (1 << 31 | 0xFF) != UInt32(byte) { return nil }
      node ^= offset(unit)
      guard unit >> 8 & 1 == 1 else { continue }
      guard node < units.count else { return nil }
      let start = Int(units[node] & (1 << 31 - 1))
      guard start <= replacements.count, start == replacements.count || !UTF8Bytes.continues(replacements[start]) else { return nil }
      return start..<(replacements[start...].firstIndex(of: 0) ?? replacements.count)
    }
    return nil
  }

  /// Holds the last character back, since what is replaced by nothing counts as removed behind it.
  private struct Writer {
    private var editor: TextEditor
    private var held: (scalar: UInt32, change: Int)?

    init(_ editor: TextEditor) { self.editor = editor }

    @inline(__always) mutating func keep(_ scalar: UInt32) { hold(scalar, 0) }

    mutating func replace(_ characters: Int, by replacement: ArraySlice<UInt8>) {
      let added = replacement.reduce(0) { $0 + (UTF8Bytes.continues($1) ? 0 : 1) } - characters
      var left = characters + added
      replacement.withUnsafeBufferPointer { bytes in
        var index = 0
        while index < bytes.count {
          hold(UTF8Bytes.decode(bytes.baseAddress!, &index), added > 0 && left <= added ? 1 : 0)
          left -= 1
        }
      }
      if added < 0, let last = held { held = (last.scalar, last.change + added) }
    }

    @inline(__always) private mutating func hold(_ scalar: UInt32, _ change: Int) {
      if let held { editor.put(held.scalar, held.change) }
      held = (scalar, change)
    }

    mutating func finish() -> TextView {
      if let held { editor.put(held.scalar, held.change) }
      return editor.result
    }
  }
}
