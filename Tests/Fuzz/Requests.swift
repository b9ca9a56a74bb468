@testable import Sheaf

private let output = TensorSpec.rows("y", .float32, [2])

/// Models with one input and several, with a pad axis and without, of many types.
private let signatures = [
  Signature(inputs: [.rows("x", .float32, [3])], outputs: [output]),
  Signature(inputs: [.rows("b", .int32, [2]), .rows("a", .float32, [1])], outputs: [output, .rows("z", .int64, [])]),
  Signature(
    inputs: [
      TensorSpec("input_ids", .int64, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1),
      TensorSpec("attention_mask", .int64, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1, source: .mask(of: "input_ids")),
      TensorSpec("token_type_ids", .int64, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1, source: .constant(0)),
    ], outputs: [output], maxLength: 16),
  Signature(inputs: [TensorSpec("audio", .int16, [.symbolic("batch"), .symbolic("samples"), .fixed(2)], padAxis: 1)], outputs: [output], maxLength: 64),
  Signature(inputs: [.rows("flags", .bool, [2])], outputs: [output]),
  Signature(inputs: [.rows("h", .float16, []), .rows("d", .float64, [1, 2]), .rows("u", .uint8, [])], outputs: [output]),
  Signature(inputs: [.rows("u", .uint64, [])], outputs: [output]),
]

/// A decoder of requests and what comes after it: the batch that they are copied into.
private final class Bench {
  let decoder: RequestDecoder
  private let filler: BatchFiller
  private let batch: ModelBatch
  private let encoder: ReplyEncoder

  init(_ signature: Signature, _ format: DecodeOptions.Format) {
    decoder = RequestDecoder(signature: signature, text: tinyTokenizer, options: DecodeOptions(format: format, maxBytes: 1 << 16))
    filler = BatchFiller(signature)
    batch = ModelBatch(signature: signature)
    encoder = ReplyEncoder(signature: signature, modelName: "fuzz")
  }

  /// Decodes a record, copies what it holds into a batch twice over, and writes the error reply of one that is refused.
  func decode(_ value: UnsafeRawBufferPointer, _ headers: Headers = .none) {
    let value = UnsafeRawBufferPointer(start: value.baseAddress ?? nothing, count: value.count)
    let record = Record(
      ticket: Ticket(bits: 0), topic: 0, partition: 0, offset: 0, timestamp: 0, arrival: 0, key: UnsafeRawBufferPointer(start: nil, count: 0), value: value,
      headers: headers)
    do throws(RecordFault) {
      _ = try Deadlines(timeout: 1_000_000).deadline(of: record, Clocks(monotonic: 1 << 40, wall: 1 << 60))
      guard case .request(let request) = try decoder.decode(record) else { return }
      defer { request.release() }
      check(request.rows >= 1, "\(request.rows) rows")
      checkExtents(request)
      do throws(BatchFault) { try filler.fill(batch, [request, request]) } catch { fatalError("a request that does not go with itself: \(error)") }
    } catch {
      check(!error.expected.isEmpty && !error.came.isEmpty, "a fault that says nothing: \(error)")
      do throws(RecordFault) {
        let reply = try JSONValue(encoder.encode(error, record, topic: "t"))
        check(reply["code"]?.string == error.code.rawValue, "an error reply without its code: \(error)")
      } catch let broken { fatalError("an error reply that is no JSON: \(broken)") }
    }
  }

  /// The extents fit the bytes.
  private func checkExtents(_ request: Request) {
    for index in decoder.signature.inputs.indices where request.tensor(index).data != nil {
      let spec = decoder.signature.inputs[index], tensor = request.tensor(index)
      var elements = Int(request.rows)
      if spec.padAxis != nil {
        elements = tensor.lengths.map { UnsafeBufferPointer(start: $0, count: Int(request.rows)).reduce(0) { $0 + Int($1) } } ?? elements * Int(tensor.length)
      }
      for case .fixed(let extent) in spec.shape { elements *= extent }
      check(tensor.byteCount == elements * spec.type.size, "\(spec.name): \(tensor.byteCount) bytes for \(elements) elements")
    }
  }
}

nonisolated(unsafe) private let nothing = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
nonisolated(unsafe) private let jsonBenches = signatures.map { Bench($0, .json) }
nonisolated(unsafe) private let rawBenches = signatures.map { Bench($0, .raw) }
nonisolated(unsafe) private let textBench = Bench(signatures[2], .text)

/// The first byte chooses the model.
func decodeJSON(_ bytes: UnsafeRawBufferPointer) {
  guard let first = bytes.first else { return }
  jsonBenches[Int(first) % jsonBenches.count].decode(UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
}

func decodeRaw(_ bytes: UnsafeRawBufferPointer) {
  guard let first = bytes.first else { return }
  rawBenches[Int(first) % rawBenches.count].decode(UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
}

func decodeTextRecord(_ bytes: UnsafeRawBufferPointer) { textBench.decode(bytes) }

/// A line for each header that is decoded, then the value.
func decodeHeaders(_ bytes: UnsafeRawBufferPointer) {
  let lines = bytes.lines(5)
  headerValues = [:]
  for (header, line) in zip([KnownHeader.contentType, .accept, .deadline, .timeout], lines.dropLast()) where line.first != UInt8(ascii: "-") {
    headerValues["\(header.name)"] = line
  }
  jsonBenches[0].decode(lines.last!, Headers(handle: nothing, lookup: findHeader))
}

nonisolated(unsafe) private var headerValues: [String: UnsafeRawBufferPointer] = [:]

private func findHeader(_: UnsafeRawPointer, _ name: UnsafePointer<CChar>, _ count: UnsafeMutablePointer<Int>) -> UnsafeRawPointer? {
  guard let value = headerValues[String(cString: name)] else { return nil }
  count.pointee = value.count
  return value.baseAddress ?? nothing
}
