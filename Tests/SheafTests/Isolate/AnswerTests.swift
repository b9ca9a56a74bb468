import Glibc
import Testing

@testable import Sheaf

/// What a child answers, read by its worker: a child with a memory in disorder may write anything.
@Suite struct AnswerTests {
  private let batch = ModelBatch(signature: Signature(inputs: [.rows("x", .float32, [2])], outputs: [.rows("y", .float32, [2]), .rows("z", .uint8, [])]))

  private func receive(_ words: [Int64], _ rest: [UInt8] = []) throws -> (RunMessage.Verdict, String) {
    var pair: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    defer { close(pair[1]) }
    try Channel(descriptor: pair[0]).send(words)
    try Channel(descriptor: pair[0]).send(rest)
    close(pair[0])
    batch.begin(rows: 3, length: 1)
    return try IsolatedContext.receiveAnswer(to: batch, Channel(descriptor: pair[1]), until: .max)
  }

  @Test func anAnswerIsRead() throws {
    let (verdict, text) = try receive([0, 2, 1, 2, 1, 3, 24, 2, 3, 2, 3, 1, 3], Array("okbad".utf8) + [UInt8](repeating: 0, count: 24) + [7, 8, 9])
    #expect(verdict == .ran && text == "ok" && batch.failures == [1: "bad"])
    #expect(batch.outputs[0].shape == [3, 2] && batch.outputs[1].data?.load(fromByteOffset: 2, as: UInt8.self) == 9)
  }

  @Test(arguments: [
    [], [9, 0, 0, 0], [1, 1 << 39, 0, 0], [0, 0, 1, 0, 3, 1], [0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 3], [0, 0, 1, 0, 0, 1 << 39],
    [0, 0, 0, 1, 4, 2, 1 << 40, 1 << 40], [0, 0, 0, 1, 4, 2, 1, 2], [0, 0, 0, 1, 8, 2, 1], [0, 0, 0, 1, 1 << 40, 1, 1 << 38], [0, 0, 0, 1, -2, 0],
  ] as [[Int64]]) func whatMakesNoSenseIsGarbled(words: [Int64]) {
    #expect(throws: Channel.Failure.garbled) { _ = try receive(words) }
  }

  @Test func whatBreaksOffIsClosed() {
    #expect(throws: Channel.Failure.closed) { _ = try receive([0, 0, 0, 1, 8, 2, 1, 2], [1, 2, 3]) }
  }
}
