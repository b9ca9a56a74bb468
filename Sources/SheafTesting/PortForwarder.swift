import Glibc

/// Passes connections to one port of 127.0.0.1 on to another, on a thread of its own.
final class PortForwarder: @unchecked Sendable {  // The thread alone touches the connections.
  private let listener: Int32
  private let target: UInt16
  private var thread = pthread_t()

  init(from port: UInt16, to target: UInt16) throws {
    listener = try listen(port: port)
    self.target = target
    let (listener, target) = (listener, target)
    thread = startThread { Self.run(listener, target) }
  }

  /// Ends the thread and every connection.
  func close() {
    shutdown(listener, Int32(SHUT_RDWR))  // Wakes the thread's poll.
    pthread_join(thread, nil)
    Glibc.close(listener)
  }

  private static func run(_ listener: Int32, _ target: UInt16) {
    var peers: [Int32: Int32] = [:]  // Both ways.
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      var waits = ([listener] + peers.keys).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&waits, nfds_t(waits.count), -1) > 0 else { continue }
      if waits[0].revents != 0 {
        let accepted = accept(listener, nil, nil)
        if accepted < 0, errno == EINVAL { break }  // Shut down.
        if accepted >= 0 {
          let upstream = connect(port: target)
          if upstream < 0 { Glibc.close(accepted) } else { (peers[accepted], peers[upstream]) = (upstream, accepted) }
        }
      }
      for wait in waits.dropFirst() where wait.revents != 0 {
        guard let peer = peers[wait.fd] else { continue }  // Closed with its peer, just now.
        let count = recv(wait.fd, &buffer, buffer.count, 0)
        if count > 0, sendAll(peer, buffer[..<count]) { continue }
        for end in [wait.fd, peer] {
          peers[end] = nil
          Glibc.close(end)
        }
      }
    }
    for descriptor in peers.keys { Glibc.close(descriptor) }
  }

  private static func sendAll(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let count = send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        if count <= 0 { return false }
        sent += count
      }
      return true
    }
  }
}
