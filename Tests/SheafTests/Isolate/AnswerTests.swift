import Glibc
import Testing

@testable import Sheaf

/// What a child answers, read by its worker: a child with a memory in disorder may write anything.
@Suite struct AnswerTests {
  private func receive(_ words: [Int64], _ rest: [UInt8] = []) throws -> IsolatedRunner.Answer {
    var pair: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    defer { close(pair[1]) }
    try Channel(descriptor: pair[0]).send(words)
    try Channel(descriptor: pair[0]).send(rest)
    close(pair[0])
    return try IsolatedRunner.Answer(receivedBy: Channel(descriptor: pair[1]), requests: 2, until: .max)
  }

  @Test func anAnswerIsRead() throws {
    // Ran, no row, two bytes of text, one failed with three, one run of 3 × 4 with a row of padding in 50 ns; two replies.
    let answer = try receive([0, -1, 2, 1, 3, 1, 2, 3, 4, 1, 50, 1, 5, 2, 3], Array("okbadhello".utf8) + Array("bad".utf8))
    #expect(answer.verdict == .ran && answer.text == "ok" && answer.row == nil)
    #expect(answer.run.failed == 1 && answer.run.firstFailure == "bad")
    #expect(answer.run.parts == [BatchRun.Part(shape: BatchShape(rows: 3, length: 4), rowPadding: 1, time: 50)])
    guard case .value(let bytes, hasNaN: true) = answer.replies[0], case .failed("bad") = answer.replies[1] else { return #expect(Bool(false), "\(answer.replies)") }
    #expect(String(decoding: bytes.memory, as: UTF8.self) == "hello")
  }

  @Test(arguments: [
    [], [9, -1, 0, 0, 0, 0, 0], [1, -1, 1 << 39, 0, 0, 0, 0], [0, -2, 0, 0, 0, 0, 2], [0, -1, 0, 3, 0, 0, 2], [0, -1, 0, 0, 0, 0, 1], [0, -1, 0, 0, 0, 0, 3],
    [0, -1, 0, 0, 0, 1 << 30, 2], [0, -1, 0, 0, 0, 1, 2, 0, 4, 0, 50], [0, -1, 0, 0, 0, 1, 2, 3, 4, 5, 50], [0, -1, 0, 0, 0, 0, 2, 7, 1, 0, 1], [0, -1, 0, 0, 0, 0, 2, 0, 1 << 40],
  ] as [[Int64]]) func whatMakesNoSenseIsGarbled(words: [Int64]) {
    #expect(throws: Channel.Failure.garbled) { _ = try receive(words) }
  }

  @Test func whatBreaksOffIsClosed() {
    #expect(throws: Channel.Failure.closed) { _ = try receive([0, -1, 0, 0, 0, 0, 2, 0, 8, 0, 1], [1, 2, 3]) }
  }
}
