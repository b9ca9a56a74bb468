import Glibc

// Loopback sockets, as far as brokers for tests need them.

/// A socket that listens on 127.0.0.1; port 0 is any free one.
func listen(port: UInt16) throws -> Int32 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
  setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
  guard withLoopback(port, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 64) == 0 else {
    let reason = String(cString: strerror(errno))
    close(descriptor)
    throw TestClientError("cannot listen on 127.0.0.1:\(port): \(reason)")
  }
  return descriptor
}

/// A connection to 127.0.0.1, or -1.
func connect(port: UInt16) -> Int32 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
  if withLoopback(port, { Glibc.connect(descriptor, $0, $1) }) == 0 { return descriptor }
  close(descriptor)
  return -1
}

/// A port of 127.0.0.1 that nobody listens on at this moment.
public func freePort() throws -> UInt16 {
  let descriptor = try listen(port: 0)
  defer { close(descriptor) }
  return localPort(descriptor)
}

func isListening(_ descriptor: Int32) -> Bool {
  var value: Int32 = 0
  var length = socklen_t(MemoryLayout<Int32>.size)
  return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value == 1
}

func localPort(_ descriptor: Int32) -> UInt16 {
  var address = sockaddr_in()
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  _ = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
  }
  return UInt16(bigEndian: address.sin_port)
}

func setOption(_ descriptor: Int32, _ level: some BinaryInteger, _ option: Int32) {
  var one: Int32 = 1
  setsockopt(descriptor, Int32(level), option, &one, socklen_t(MemoryLayout<Int32>.size))
}

private func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
}
