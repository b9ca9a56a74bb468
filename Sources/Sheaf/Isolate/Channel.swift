import Glibc

/// One end of a socket between a worker and its child: bytes in order, each call with a time by which it has to be done.
struct Channel: Sendable {
  let descriptor: Int32

  enum Failure: Error {
    /// The other end is gone.
    case closed
    /// The time is over.
    case late
    /// What came makes no sense.
    case garbled
  }

  /// Sends numbers, after their count.
  func send(_ words: [Int64], until deadline: Nanoseconds? = nil) throws(Failure) {
    let all = [Int64(words.count)] + words
    try all.withUnsafeBytes { bytes in Result { () throws(Failure) in try send(bytes, until: deadline) } }.get()
  }

  /// Receives what `send(_ words:)` sent.
  func receiveWords(until deadline: Nanoseconds? = nil) throws(Failure) -> [Int64] {
    var count: Int64 = 0
    try withUnsafeMutableBytes(of: &count) { bytes in Result { () throws(Failure) in try receive(into: bytes, until: deadline) } }.get()
    guard (0...10_000_000).contains(count) else { throw .garbled }
    var words = [Int64](repeating: 0, count: Int(count))
    try words.withUnsafeMutableBytes { bytes in Result { () throws(Failure) in try receive(into: bytes, until: deadline) } }.get()
    return words
  }

  func send(_ bytes: UnsafeRawBufferPointer, until deadline: Nanoseconds? = nil) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = Glibc.send(descriptor, part.baseAddress, part.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      if count >= 0 { rest = rest.dropFirst(count) } else { try wait(for: POLLOUT, until: deadline) }
    }
  }

  func receive(into bytes: UnsafeMutableRawBufferPointer, until deadline: Nanoseconds? = nil) throws(Failure) {
    var done = 0
    while done < bytes.count {
      let count = recv(descriptor, bytes.baseAddress! + done, bytes.count - done, Int32(MSG_DONTWAIT))
      if count == 0 { throw .closed }
      if count > 0 { done += count } else { try wait(for: POLLIN, until: deadline) }
    }
  }

  /// After a call that failed: sleeps until it may succeed.
  private func wait(for event: Int32, until deadline: Nanoseconds?) throws(Failure) {
    let code = errno
    if code == EINTR { return }
    guard code == EAGAIN || code == EWOULDBLOCK else { throw .closed }
    var request = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    guard let deadline else {
      _ = poll(&request, 1, -1)
      return
    }
    let now = monotonicNow()
    guard now < deadline else { throw .late }
    _ = poll(&request, 1, Int32(clamping: (deadline - now) / 1_000_000 + 1))
  }
}
