import Glibc

@testable import Sheaf

/// What a child process answers to a batch of three rows, read from a socket that ends where the input does.
func decodeAnswer(_ bytes: UnsafeRawBufferPointer) {
  var pair: [Int32] = [0, 0]
  check(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0, "no sockets")
  defer { close(pair[1]) }
  send(pair[0], bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
  close(pair[0])
  batch.begin(rows: 3, length: 2)
  do throws(Channel.Failure) {
    _ = try IsolatedContext.receiveAnswer(to: batch, Channel(descriptor: pair[1]), until: .max)
    check(batch.failures.keys.allSatisfy { 0..<3 ~= $0 }, "\(batch.failures.keys)")
    for output in batch.outputs where output.data != nil { check(output.shape.allSatisfy { $0 >= 0 }, "\(output.shape)") }
  } catch { check(error != .late, "\(error)") }
}

nonisolated(unsafe) private let batch = ModelBatch(
  signature: Signature(inputs: [.rows("x", .float32, [2])], outputs: [.rows("y", .float32, [2]), .rows("z", .uint8, [])]))
