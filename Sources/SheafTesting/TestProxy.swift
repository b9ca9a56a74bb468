import Glibc

/// A port of 127.0.0.1 in front of another, whose connections are cut, delayed and refused at will.
///
/// Two threads a connection: one that a stopped process does not read from holds up no other.
public final class TestProxy: Sendable {
  public let port: UInt16
  private let listener: Int32
  private let target: UInt16
  private let state = Locked(State())
  private let thread: pthread_t

  private struct State {
    var isDown = false
    var delay: UInt32 = 0
    var connections: [ObjectIdentifier: Connection] = [:]
  }

  /// - Parameter target: need not listen yet.
  public init(to target: UInt16) throws {
    let listener = try listen(port: 0)
    let state = state
    (self.listener, self.target, port) = (listener, target, localPort(listener))
    thread = startThread { Self.accept(listener, target, state) }
  }

  /// Ends every connection; new ones are taken.
  public func cut() { for connection in state.withLock({ Array($0.connections.values) }) { connection.cut() } }

  /// Ends every connection and takes no new one, until it is set up again.
  public func setDown(_ isDown: Bool) {
    state.withLock { $0.isDown = isDown }
    if isDown { cut() }
  }

  /// Every piece of a stream waits so long before it goes on, both ways.
  public func setDelay(microseconds: UInt32) { state.withLock { $0.delay = microseconds } }

  /// Ends everything. Called once, last.
  public func close() {
    setDown(true)
    shutdown(listener, Int32(SHUT_RDWR))  // Ends the accept.
    pthread_join(thread, nil)
    Glibc.close(listener)
  }

  private static func accept(_ listener: Int32, _ target: UInt16, _ state: Locked<State>) {
    while true {
      let accepted = Glibc.accept(listener, nil, nil)
      guard accepted >= 0 else {
        if errno == EINVAL { return }  // Shut down.
        continue
      }
      let upstream = state.withLock({ $0.isDown }) ? -1 : connect(port: target)
      guard upstream >= 0 else {
        Glibc.close(accepted)
        continue
      }
      let connection = Connection(accepted, upstream)
      let isTaken = state.withLock { state in
        if state.isDown { return false }
        state.connections[ObjectIdentifier(connection)] = connection
        return true
      }
      guard isTaken else { continue }
      for (from, to) in [(accepted, upstream), (upstream, accepted)] {
        pthread_detach(startThread {
          pump(from, to) { state.withLock { $0.delay } }
          connection.cut()
          _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
        })
      }
    }
  }

  private static func pump(_ from: Int32, _ to: Int32, delay: () -> UInt32) {
    withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
      while true {
        let count = recv(from, buffer.baseAddress, buffer.count, 0)
        guard count > 0 else { return }
        let delay = delay()
        if delay > 0 { usleep(delay) }
        var sent = 0
        while sent < count {
          let more = send(to, buffer.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
          if more <= 0 { return }
          sent += more
        }
      }
    }
  }

  /// Both ends; closed when the last thread is done with them.
  private final class Connection: Sendable {
    private let ends: (Int32, Int32)

    init(_ accepted: Int32, _ upstream: Int32) {
      ends = (accepted, upstream)
      setOption(accepted, Int32(IPPROTO_TCP), TCP_NODELAY)
    }

    func cut() {
      shutdown(ends.0, Int32(SHUT_RDWR))
      shutdown(ends.1, Int32(SHUT_RDWR))
    }

    deinit {
      Glibc.close(ends.0)
      Glibc.close(ends.1)
    }
  }
}
