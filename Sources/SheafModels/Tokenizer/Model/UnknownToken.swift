import Sheaf

/// What a model makes of what it has no piece for.
enum UnknownToken: Sendable {
  /// Nothing: it is left out.
  case none
  case id(Int32)
  /// The token that the file names is not in the vocabulary.
  case missing(String)

  /// The token, where the model cannot do without one.
  func required() throws(RecordFault) -> Int32 {
    switch self {
    case .id(let id): return id
    case .none: throw Self.fault("none for what is unknown to it")
    case .missing(let name): throw Self.fault("\(name) for what is unknown to it, which is not in its vocabulary")
    }
  }

  private static func fault(_ why: String) -> RecordFault {
    RecordFault(
      .unsupported, expected: "a text whose every part the tokenizer has a token for", came: "another one, and the tokenizer has \(why)")
  }
}

/// The pieces that stand for single bytes in vocabularies of characters.
enum BytePieces {
  /// The number of each byte's piece, -1 where there is none.
  static func find(in pieces: PieceTable) -> [Int32] { (UInt8.min...UInt8.max).map { pieces.value(name($0)) ?? -1 } }

  private static func name(_ byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
  }
}
