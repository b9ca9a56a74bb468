import Glibc

@testable import Sheaf

/// A record made of bytes of our own, which live while `body` runs.
func withRecord<T>(_ value: [UInt8]?, headers: [String: String] = [:], _ body: (Record) throws -> T) rethrows -> T {
  let box = HeaderBox(headers)
  let handle = Unmanaged.passRetained(box)
  defer { handle.release() }
  // Exactly as long as the value, so that the address sanitizer sees a read behind it.
  let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, value?.count ?? 0), alignment: 1)
  defer { memory.deallocate() }
  value?.withUnsafeBytes { if let base = $0.baseAddress { memcpy(memory, base, $0.count) } }
  let record = Record(
    ticket: Ticket(bits: 0), topic: 0, partition: 3, offset: 14, timestamp: 0, arrival: 0, key: UnsafeRawBufferPointer(start: nil, count: 0),
    value: UnsafeRawBufferPointer(start: value == nil ? nil : memory, count: value?.count ?? 0),
    headers: headers.isEmpty ? .none : Headers(handle: UnsafeRawPointer(handle.toOpaque()), lookup: lookUp))
  return try body(record)
}

private final class HeaderBox {
  var values: [String: [UInt8]] = [:]

  init(_ headers: [String: String]) { values = headers.mapValues { Array($0.utf8) + [0] } }
}

private func lookUp(_ handle: UnsafeRawPointer, _ name: UnsafePointer<CChar>, _ count: UnsafeMutablePointer<Int>) -> UnsafeRawPointer? {
  let box = Unmanaged<HeaderBox>.fromOpaque(handle).takeUnretainedValue()
  guard let value = box.values[String(cString: name)] else { return nil }
  count.pointee = value.count - 1
  // The box keeps the array, which nobody changes.
  return value.withUnsafeBytes { $0.baseAddress }
}

/// A request as plain values.
struct PlainRequest: Equatable {
  var rows: Int
  var length: Int
  var replyFormat: ReplyFormat
  var id: String?
  /// Bytes of each request input.
  var tensors: [[UInt8]]
  var lengths: [[Int32]?]
  /// Whether the first tensor lies in the record's value.
  var isInPlace: Bool
  /// Inputs that it carries though it need not.
  var optional: [String] = []
  /// Outputs that it asks for.
  var outputs: [Int] = []
  var group: UInt64 = 0

  func elements<T: BitwiseCopyable>(_ index: Int, as type: T.Type) -> [T] {
    tensors[index].withUnsafeBytes { bytes in
      (0..<bytes.count / MemoryLayout<T>.stride).map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: type) }
    }
  }
}

extension RequestDecoder {
  func decoded(_ value: [UInt8]?, headers: [String: String] = [:]) throws -> PlainRequest? {
    try withRecord(value, headers: headers) { record in
      guard case .request(let request) = try decode(record) else { return nil }
      defer { request.release() }
      let tensors = requestInputs.map { request.tensor($0) }
      let start = record.value.baseAddress!
      return PlainRequest(
        rows: Int(request.rows), length: Int(request.length), replyFormat: request.replyFormat,
        id: request.id.baseAddress == nil ? nil : String(decoding: request.id, as: UTF8.self),
        tensors: tensors.map { Array(UnsafeRawBufferPointer(start: $0.data, count: $0.byteCount)) },
        lengths: tensors.map { tensor in tensor.lengths.map { Array(UnsafeBufferPointer(start: $0, count: Int(request.rows))) } },
        isInPlace: tensors[0].data! >= start && tensors[0].data! < start + max(1, record.value.count),
        optional: signature.inputs.indices.filter { signature.inputs[$0].source != .request && request.tensor($0).data != nil }.map { signature.inputs[$0].name },
        outputs: request.outputs.map { Int($0) }, group: request.group)
    }
  }

  func decoded(_ json: String) throws -> PlainRequest? { try decoded(Array(json.utf8)) }

  /// The fault of a value, `nil` where it has none.
  func fault(_ value: [UInt8]?, headers: [String: String] = [:]) -> RecordFault? {
    do {
      _ = try decoded(value, headers: headers)
      return nil
    } catch {
      return error as? RecordFault
    }
  }
}

/// Ids are the bytes of the text, between 101 and 102; at most 16.
struct ByteEncoder: TextEncoder {
  let maxLength = 16

  func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
    if let bad = UTF8Bytes.firstInvalid(text) { throw RecordFault(.malformed, expected: "text in UTF-8", came: "byte \(bad)") }
    let kept = text.prefix(maxLength - 2)
    tokens.ids = [101] + kept.map { Int64($0) } + [102]
  }
}

/// Ids are the bytes of both texts with a 0 between them; those behind it are the second's.
struct PairEncoder: TextEncoder {
  let maxLength = 16
  let takesPairs = true

  func encode(_ text: UnsafeRawBufferPointer, pair: UnsafeRawBufferPointer?, into tokens: inout TokenSequence) throws(RecordFault) {
    tokens.removeAll()
    tokens.ids = text.map { Int64($0) } + (pair.map { [0] + $0.map { Int64($0) } } ?? [])
    if let pair { tokens.types = Array(repeating: 0, count: text.count + 1) + Array(repeating: 1, count: pair.count) }
  }
}

enum Signatures {
  static let output = TensorSpec.rows("y", .float32, [2])
  static let floats = Signature(inputs: [.rows("x", .float32, [3])], outputs: [output])
  /// Ids, mask and a constant, as a sentence model has them.
  static let text = Signature(
    inputs: [
      TensorSpec("input_ids", .int64, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1),
      TensorSpec("attention_mask", .int64, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1, source: .mask(of: "input_ids")),
      TensorSpec("token_type_ids", .int64, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1, source: .constant(0)),
    ], outputs: [output], maxLength: 16)
  static let two = Signature(
    inputs: [.rows("b", .int32, [2]), .rows("a", .float32, [1])], outputs: [output, .rows("z", .int64, [])])

  static func rows(_ type: ElementType, _ extents: [Int]) -> Signature { Signature(inputs: [.rows("x", type, extents)], outputs: [output]) }
}
