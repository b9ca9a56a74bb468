/// The elements of a tensor of strings, in the order of its memory.
///
/// Each lies there as its length in four bytes, little-endian, and then itself. The memory may be anybody's: what does not fit ends
/// the sequence, and `isWhole` says so.
public struct BytesElements: Sequence, IteratorProtocol {
  private let memory: UnsafeRawBufferPointer
  /// Where the next element's length stands.
  public private(set) var position = 0

  public init(_ memory: UnsafeRawBufferPointer) { self.memory = memory }

  public mutating func next() -> UnsafeRawBufferPointer? {
    guard position + 4 <= memory.count else { return nil }
    let length = Int(UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
    guard length <= memory.count - position - 4 else { return nil }
    defer { position += 4 + length }
    return UnsafeRawBufferPointer(rebasing: memory[(position + 4)..<(position + 4 + length)])
  }

  /// How many bytes the first `count` elements take; `nil`: there are not so many.
  public static func length(of count: Int, in memory: UnsafeRawBufferPointer) -> Int? {
    var elements = BytesElements(memory)
    for _ in 0..<count where elements.next() == nil { return nil }
    return elements.position
  }

  /// Whether the memory holds `count` elements and nothing else.
  public static func isWhole(_ memory: UnsafeRawBufferPointer, count: Int) -> Bool { length(of: count, in: memory) == memory.count }

  /// The memory of these elements. - Precondition: none is 4 GiB or longer.
  public static func encode(_ elements: some Sequence<some Sequence<UInt8>>) -> [UInt8] {
    var bytes: [UInt8] = []
    for element in elements {
      let start = bytes.count
      bytes += [0, 0, 0, 0]
      bytes += element
      let length = UInt32(bytes.count - start - 4)
      for place in 0..<4 { bytes[start + place] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(place))) }
    }
    return bytes
  }
}
