/// A byte for every code point, in two steps: most blocks of 256 are alike, and are kept once. Immutable.
struct UnicodeTable: @unchecked Sendable {  // Its memory is written in init only, and never freed: tables are few and live for ever.
  private let blocks: UnsafeMutablePointer<UInt16>
  private let bytes: UnsafeMutablePointer<UInt8>

  init(_ value: (UInt32) -> UInt8) {
    blocks = .allocate(capacity: 0x1100)
    var known: [[UInt8]: UInt16] = [:]
    var contents: [UInt8] = []
    for block in 0..<UInt32(0x1100) {
      // Beyond what is written and its last specialities, a block is of one kind, but for the ends of planes.
      let isMixed = block < 0x324 || 0xE00..<0xE02 ~= block || block & 0xFF == 0xFF
      let content = isMixed ? (0..<UInt32(256)).map { value(block << 8 | $0) } : [UInt8](repeating: value(block << 8), count: 256)
      if known[content] == nil {
        known[content] = UInt16(contents.count / 256)
        contents += content
      }
      blocks[Int(block)] = known[content]!
    }
    bytes = .allocate(capacity: contents.count)
    bytes.initialize(from: contents, count: contents.count)
  }

  /// Of a code point up to 10FFFF.
  @inline(__always) subscript(scalar: UInt32) -> UInt8 { bytes[Int(blocks[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)] }
}
