import Glibc

@testable import Sheaf

/// What a child process answers to three requests, read from a socket that ends where the input does.
func decodeAnswer(_ bytes: UnsafeRawBufferPointer) {
  var pair: [Int32] = [0, 0]
  check(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0, "no sockets")
  defer { close(pair[1]) }
  send(pair[0], bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
  close(pair[0])
  do throws(Channel.Failure) {
    let answer = try IsolatedRunner.Answer(receivedBy: Channel(descriptor: pair[1]), requests: 3, until: .max)
    check(answer.verdict != .ran || answer.replies.count == 3, "\(answer.replies.count) replies")
    check(answer.run.failed <= 3 && answer.run.parts.allSatisfy { $0.shape.rows >= 1 && $0.rowPadding <= $0.shape.rows }, "\(answer.run)")
  } catch { check(error != .late, "\(error)") }
}
