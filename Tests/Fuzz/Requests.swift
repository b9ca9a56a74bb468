@testable import Sheaf

private let output = TensorSpec.rows("y", .float32, [2])
private let tokens = TensorSpec("tokens", .int16, [.symbolic("batch"), .symbolic("sequence")], padAxis: 1)
private let batch = Dimension.symbolic("batch"), sequence = Dimension.symbolic("sequence")

/// Models with one input and several, with a pad axis and without, of many types and shapes.
private let signatures: [Signature] = [
  Signature(inputs: [.rows("x", .float32, [3])], outputs: [output]),
  Signature(inputs: [.rows("b", .int32, [2]), .rows("a", .float32, [1])], outputs: [output, .rows("z", .int64, [])]),
  Signature(
    inputs: [
      TensorSpec("input_ids", .int64, [batch, sequence], padAxis: 1), TensorSpec("attention_mask", .int64, [batch, sequence], padAxis: 1, source: .mask(of: "input_ids")),
      TensorSpec("token_type_ids", .int64, [batch, sequence], padAxis: 1, source: .constant(0)),
      TensorSpec("places", .int32, [batch, sequence, .fixed(2)], padAxis: 1, padValue: -1, source: .places(of: "input_ids")),
    ], outputs: [tokens, TensorSpec("table", .uint8, [.fixed(3)], batchAxis: nil)], maxLength: 16),
  Signature(inputs: [TensorSpec("audio", .int16, [batch, .symbolic("samples"), .fixed(2)], padAxis: 1)], outputs: [output], maxLength: 64),
  Signature(inputs: [.rows("flags", .bool, [2])], outputs: [output]),
  Signature(inputs: [.rows("h", .float16, []), .rows("d", .float64, [1, 2]), .rows("u", .uint8, [])], outputs: [output]),
  Signature(inputs: [.rows("u", .uint64, [])], outputs: [output]),
  // Of a fixed length, with masks of its own polarity.
  Signature(
    inputs: [TensorSpec("ids", .int32, [batch, .fixed(6)], padAxis: 1), TensorSpec("pads", .bool, [batch, .fixed(6)], padAxis: 1, padValue: 1, source: .mask(of: "ids"))],
    outputs: [TensorSpec("tokens", .int16, [batch, .fixed(6)], padAxis: 1)]),
  // Images of any size, and a rate that all share.
  Signature(
    inputs: [TensorSpec("image", .uint8, [batch, .fixed(3), .symbolic("h"), .symbolic("w")]), TensorSpec("rate", .int64, [], batchAxis: nil)], outputs: [output]),
  // Rows along the second axis, and texts without a mask.
  Signature(inputs: [TensorSpec("state", .float32, [.fixed(2), batch, .fixed(2)], batchAxis: 1)], outputs: [TensorSpec("next", .int16, [.fixed(2), batch], batchAxis: 1)]),
  Signature(inputs: [TensorSpec("input_ids", .int64, [batch, sequence])], outputs: [output], maxLength: 16),
  Signature(inputs: [TensorSpec("frames", .float32, [sequence, batch, .fixed(2)], batchAxis: 1)], outputs: [output]),
  // Strings.
  Signature(inputs: [.rows("words", .bytes, [2]), .rows("n", .int8, [1])], outputs: [.rows("words", .bytes, [])]),
  // As it comes.
  Signature(inputs: [TensorSpec("x", .float64, [.symbolic("n"), .symbolic("m")], batchAxis: nil), TensorSpec("to", .int64, [.fixed(2)], batchAxis: nil)], outputs: [TensorSpec("t", .float32, [], batchAxis: nil)], maxRows: 1),
]

/// Reads every byte of its inputs and writes every byte of its outputs.
private final class Reader: RunContext {
  nonisolated(unsafe) static var sum: UInt64 = 0

  func run(_ batch: ModelBatch) throws {
    for index in batch.signature.inputs.indices { for byte in batch.input(index) { Self.sum &+= UInt64(byte) } }
    for (index, spec) in batch.signature.outputs.enumerated() {
      if spec.type == .bytes {
        BytesElements.encode((0..<batch.rows).map { Array("word \($0)".utf8) }).withUnsafeBytes { batch.setOutput(index, bytes: $0, shape: [batch.rows]) }
      } else {
        for place in batch.output(index).indices { batch.output(index)[place] = 7 }
      }
    }
  }
}

/// A decoder of requests and what comes after it: the batch that they are copied into, its run, and the replies.
private final class Bench {
  let decoder: RequestDecoder
  private let runner: LocalRunner
  private let encoder: ReplyEncoder

  init(_ signature: Signature, _ format: DecodeOptions.Format) {
    var options = DecodeOptions(format: format, maxBytes: 1 << 16)
    options.takesNonFinite = signature.inputs.count == 2
    decoder = RequestDecoder(signature: signature, text: tinyTokenizer, options: options)
    runner = LocalRunner(signature, modelName: "fuzz", context: Reader())
    encoder = ReplyEncoder(signature: signature, modelName: "fuzz")
  }

  /// Decodes a record, runs what it holds, twice over where that is allowed, and reads the replies, or the error reply of one that is
  /// refused.
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
      let isEven = !EvenParts.areNeeded(request, decoder.signature)
      run(decoder.signature.mostRows == 1 || !isEven ? [request] : [request, request], within: .none)
      run([request], within: RunBounds(maxRows: 2, maxTokens: 64))
    } catch {
      check(!error.expected.isEmpty && !error.came.isEmpty, "a fault that says nothing: \(error)")
      do throws(RecordFault) {
        let reply = try JSONValue(encoder.encode(error, record, topic: "t"))
        check(reply["code"]?.string == error.code.rawValue, "an error reply without its code: \(error)")
      } catch let broken { fatalError("an error reply that is no JSON: \(broken)") }
    }
  }

  private func run(_ requests: [Request], within bounds: RunBounds) {
    do {
      _ = try runner.run(requests[...], within: bounds)
      for index in requests.indices {
        guard case .value(let bytes, _) = runner.reply(index) else { fatalError("a row was failed") }
        if requests[index].replyFormat == .json { check(try JSONValue(bytes)["outputs"]?.array?.isEmpty == false, "a reply without outputs") }
      }
    } catch {
      // What a request's parts answer may not fit together.
      check("\(error)".contains("cannot be one answer"), "a request that does not run: \(error)")
    }
  }

  /// The extents fit the bytes.
  private func checkExtents(_ request: Request) {
    for index in decoder.signature.inputs.indices where request.tensor(index).data != nil {
      let spec = decoder.signature.inputs[index], tensor = request.tensor(index), open = spec.openAxes
      var elements = spec.batchAxis == nil ? 1 : Int(request.rows)
      if let lengths = tensor.lengths {
        elements = (0..<Int(request.rows)).reduce(0) { $0 + Int(lengths[$1]) }
      } else {
        if spec.padAxis != nil { elements *= Int(tensor.length) }
        for axis in open { elements *= Int(tensor.extents?[axis] ?? -1) }
      }
      for axis in spec.shape.indices where axis != spec.padAxis && axis != spec.batchAxis { if case .fixed(let extent) = spec.shape[axis] { elements *= extent } }
      let isWhole = spec.type == .bytes ? BytesElements.isWhole(tensor.bytes, count: elements) : tensor.byteCount == elements * spec.type.size
      check(isWhole, "\(spec.name): \(tensor.byteCount) bytes for \(elements) elements")
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
  let lines = bytes.lines(6)
  headerValues = [:]
  for (header, line) in zip([KnownHeader.contentType, .accept, .deadline, .timeout, .shape], lines.dropLast()) where line.first != UInt8(ascii: "-") {
    headerValues["\(header.name)"] = line
  }
  jsonBenches[8].decode(lines.last!, Headers(handle: nothing, lookup: findHeader))
  jsonBenches[0].decode(lines.last!, Headers(handle: nothing, lookup: findHeader))
}

nonisolated(unsafe) private var headerValues: [String: UnsafeRawBufferPointer] = [:]

private func findHeader(_: UnsafeRawPointer, _ name: UnsafePointer<CChar>, _ count: UnsafeMutablePointer<Int>) -> UnsafeRawPointer? {
  guard let value = headerValues[String(cString: name)] else { return nil }
  count.pointee = value.count
  return value.baseAddress ?? nothing
}
