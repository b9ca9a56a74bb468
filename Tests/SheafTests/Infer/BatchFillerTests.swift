import Glibc
import SheafTesting
import Testing

@testable import Sheaf

/// Rows in and out of batch tensors, against the plain definition of padding and stacking.
@Suite struct BatchFillerTests {
  private let memory = Memory()

  /// Memory for requests, freed with the test.
  private final class Memory {
    private var blocks: [UnsafeMutableRawPointer] = []
    func copy<T: BitwiseCopyable>(_ values: [T]) -> UnsafePointer<T> {
      let block = malloc(max(1, values.count * MemoryLayout<T>.stride))!
      blocks.append(block)
      let typed = block.bindMemory(to: T.self, capacity: max(1, values.count))
      for (index, value) in values.enumerated() { typed[index] = value }
      return UnsafePointer(typed)
    }
    deinit { for block in blocks { free(block) } }
  }

  private let record = byteRequest(0).record

  /// A request whose rows have these ids, one list a row.
  private func request(_ rows: [[Int64]], _ flags: [Float]? = nil) -> Request {
    let lengths = rows.map { Int32($0.count) }, isEqual = Set(lengths).count == 1
    let ids = rows.flatMap { $0 }
    let tensor = RequestTensor(
      data: UnsafeRawPointer(memory.copy(ids)), byteCount: ids.count * 8, length: lengths.max()!, lengths: isEqual ? nil : memory.copy(lengths))
    guard let flags else {
      return Request(record: record, rows: Int32(rows.count), length: lengths.max()!, tensor: tensor, replyFormat: .raw)
    }
    let second = RequestTensor(data: UnsafeRawPointer(memory.copy(flags)), byteCount: flags.count * 4, length: 1)
    return Request(
      record: record, rows: Int32(rows.count), length: lengths.max()!, byteCount: ids.count * 8 + flags.count * 4, tensors: memory.copy([tensor, .absent, .absent, second]),
      replyFormat: .raw, block: malloc(1)!)
  }

  private let ids = TensorSpec("ids", .int64, [.symbolic("batch"), .symbolic("length")], padAxis: 1, padValue: 9)

  @Test func rowsAreStackedPaddedAndMasked() throws {
    let signature = Signature(
      inputs: [
        ids, TensorSpec("mask", .int64, [.symbolic("batch"), .symbolic("length")], padAxis: 1, source: .mask(of: "ids")),
        TensorSpec("kind", .int64, [.symbolic("batch"), .symbolic("length")], padAxis: 1, source: .constant(3)), .rows("flag", .float32, [2]),
      ], outputs: [])
    let batch = ModelBatch(signature: signature)
    let requests = [request([[1, 2]], [0.5, 1]), request([[3], [4, 5, 6]], [2, 3, 4, 5])]
    try BatchFiller(signature).fill(batch, requests[...])
    #expect(batch.rows == 3 && batch.length == 3)
    #expect(batch.inputShape(0) == [3, 3] && batch.inputShape(3) == [3, 2])
    #expect(Array(batch.input(0, as: Int64.self)) == [1, 2, 9, 3, 9, 9, 4, 5, 6])
    #expect(Array(batch.input(1, as: Int64.self)) == [1, 1, 0, 1, 0, 0, 1, 1, 1])
    #expect(Array(batch.input(2, as: Int64.self)) == [Int64](repeating: 3, count: 9))
    #expect(Array(batch.input(3, as: Float.self)) == [0.5, 1, 2, 3, 4, 5])
    for request in requests { request.release() }
  }

  /// A part of a batch, as a bisection runs it, is filled as if it were all: nothing is left of the run before.
  @Test func aPartIsFilledAsIfItWereAll() throws {
    let signature = Signature(inputs: [ids], outputs: []), batch = ModelBatch(signature: signature), filler = BatchFiller(signature)
    var random = SeededGenerator(seed: 11)
    for _ in 0..<200 {
      let rows = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        (0..<Int.random(in: 1...3, using: &random)).map { _ in (0..<Int.random(in: 1...7, using: &random)).map { _ in Int64.random(in: 0..<100, using: &random) } }
      }
      let requests = rows.map { request($0) }
      let first = Int.random(in: 0..<requests.count, using: &random), end = Int.random(in: first + 1...requests.count, using: &random)
      try filler.fill(batch, requests[...])
      try filler.fill(batch, requests[first..<end])
      let part = rows[first..<end].flatMap { $0 }, longest = part.map(\.count).max()!
      #expect(batch.inputShape(0) == [part.count, longest])
      #expect(Array(batch.input(0, as: Int64.self)) == part.flatMap { $0 + [Int64](repeating: 9, count: longest - $0.count) })
    }
  }

  @Test func rowsAlongAnInnerAxisAreLaidInByStrides() throws {
    let signature = Signature(inputs: [TensorSpec("state", .int64, [.fixed(2), .symbolic("batch"), .fixed(2)], batchAxis: 1)], outputs: [])
    let batch = ModelBatch(signature: signature)
    // [2, rows, 2] each.
    let one = RequestTensor(data: UnsafeRawPointer(memory.copy([1, 2, 3, 4] as [Int64])), byteCount: 32, length: 1)
    let two = RequestTensor(data: UnsafeRawPointer(memory.copy([5, 6, 7, 8, 9, 10, 11, 12] as [Int64])), byteCount: 64, length: 1)
    let requests = [
      Request(record: record, rows: 1, length: 1, tensor: one, replyFormat: .raw), Request(record: record, rows: 2, length: 1, tensor: two, replyFormat: .raw),
    ]
    try BatchFiller(signature).fill(batch, requests[...])
    #expect(batch.inputShape(0) == [2, 3, 2])
    #expect(Array(batch.input(0, as: Int64.self)) == [1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12])
  }
}

@Suite struct OutputSplitterTests {
  private func batch(_ signature: Signature, rows: Int, length: Int, _ fill: (ModelBatch) -> Void) -> ModelBatch {
    let batch = ModelBatch(signature: signature)
    batch.begin(rows: rows, length: length)
    fill(batch)
    return batch
  }

  private func values(_ slice: OutputSlice) -> [Int64] {
    Array(UnsafeRawBufferPointer(start: slice.data, count: slice.byteCount).assumingMemoryBound(to: Int64.self))
  }

  @Test func eachRequestGetsItsRowsTrimmedToItsLength() throws {
    let signature = Signature(
      inputs: [],
      outputs: [
        .rows("vector", .int64, [2]), TensorSpec("tokens", .int64, [.symbolic("batch"), .symbolic("length"), .fixed(2)], padAxis: 1),
        TensorSpec("shared", .int64, [.fixed(3)], batchAxis: nil), TensorSpec("state", .int64, [.fixed(2), .symbolic("batch")], batchAxis: 1),
      ])
    let batch = batch(signature, rows: 3, length: 2) { batch in
      for index in 0..<4 {
        let output = index == 2 ? batch.output(index, as: Int64.self, shape: [3]) : batch.output(index, as: Int64.self)
        for element in output.indices { output[element] = Int64(100 * index + element) }
      }
    }
    let splitter = OutputSplitter(signature)
    try splitter.begin(batch)
    // Row 0 is one element long, rows 1 and 2 are two.
    let first = splitter.split(first: 0, rows: 1, length: 1)
    #expect(values(first[0]) == [0, 1] && values(first[1]) == [100, 101] && values(first[2]) == [200, 201, 202] && values(first[3]) == [300, 303])
    #expect(Array(first[1].shape) == [1, 1, 2] && Array(first[2].shape) == [3] && Array(first[3].shape) == [2, 1])
    let rest = splitter.split(first: 1, rows: 2, length: 2)
    #expect(values(rest[0]) == [2, 3, 4, 5])
    #expect(values(rest[1]) == [104, 105, 106, 107, 108, 109, 110, 111] && Array(rest[1].shape) == [2, 2, 2])
    // With the model's axes: rows are the second.
    #expect(values(rest[3]) == [301, 302, 304, 305] && Array(rest[3].shape) == [2, 2])
  }

  /// Rows with numbers of entries of their own.
  @Test func raggedRowsAreCutByTheirCounts() throws {
    var entries = TensorSpec("entries", .int64, [.symbolic("entries"), .fixed(2)], batchAxis: nil), names = TensorSpec("names", .bytes, [.symbolic("entries")], batchAxis: nil)
    entries.isRagged = true
    names.isRagged = true
    let signature = Signature(inputs: [], outputs: [entries, names]), splitter = OutputSplitter(signature)
    func filled(_ counts: [Int]) -> ModelBatch {
      batch(signature, rows: counts.count, length: 1) { batch in
        let count = counts.reduce(0, +)
        (0..<Int64(count * 2)).map { $0 }.withUnsafeBytes { batch.setRagged(0, counts: counts, bytes: $0, extents: [2]) }
        BytesElements.encode((0..<count).map { Array("name\($0)".utf8) }).withUnsafeBytes { batch.setRagged(1, counts: counts, bytes: $0) }
      }
    }
    let whole = filled([2, 0, 3])
    try splitter.begin(whole)
    let first = splitter.split(first: 0, rows: 1, length: 1)
    #expect(values(first[0]) == [0, 1, 2, 3] && Array(first[0].shape) == [2, 2] && Array(first[1].shape) == [2])
    let none = splitter.split(first: 1, rows: 1, length: 1)
    #expect(values(none[0]) == [] && Array(none[0].shape) == [0, 2] && none[1].byteCount == 0)
    let rest = splitter.split(first: 1, rows: 2, length: 1)
    #expect(values(rest[0]) == [4, 5, 6, 7, 8, 9] && BytesElements(rest[1].bytes).map { String(decoding: $0, as: UTF8.self) } == ["name2", "name3", "name4"])
    // Counts that are not as many as rows.
    #expect(throws: BatchFault.self) { try splitter.begin(self.batch(signature, rows: 2, length: 1) { _ in [Int64]().withUnsafeBytes { whole.setRagged(0, counts: [1], bytes: $0, extents: [2]) } }) }
    // Parts put together are as one run.
    let joiner = OutputJoiner(signature)
    joiner.begin(rows: 5, length: 1)
    try joiner.append(filled([2, 0, 3]))
    try joiner.append(filled([1, 1]))
    try splitter.begin(joiner.whole)
    let joined = splitter.split(first: 2, rows: 3, length: 1)
    #expect(values(joined[0]) == [4, 5, 6, 7, 8, 9, 0, 1, 2, 3] && BytesElements(joined[1].bytes).map { String(decoding: $0, as: UTF8.self) } == ["name2", "name3", "name4", "name0", "name1"])
  }

  /// An answer of a wrong number of rows would give a record its neighbour's.
  @Test func wrongRowsAndMissingOutputsAreRefused() {
    let signature = Signature(inputs: [], outputs: [.rows("vector", .int64, [2])]), splitter = OutputSplitter(signature)
    let short = batch(signature, rows: 3, length: 1) { _ = $0.output(0, shape: [2, 2]) }
    #expect { try splitter.begin(short) } throws: { "\($0)" == "output \"vector\" has shape [2, 2] for a batch of 3 rows" }
    let none = batch(signature, rows: 3, length: 1) { _ in }
    #expect { try splitter.begin(none) } throws: { "\($0)" == "the model gave no output \"vector\"" }
  }
}
