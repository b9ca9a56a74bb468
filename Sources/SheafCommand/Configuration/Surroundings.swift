import Glibc

func processEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var next = environ
  while let entry = next.pointee {
    let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
    next += 1
  }
  return variables
}

/// nil: it cannot be read, or is larger than 16 MiB, so no configuration and no secret; errno says why.
func readFile(_ path: String, waits: Bool = true) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | (waits ? 0 : O_NONBLOCK))
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var status = stat()
  if !waits, fstat(descriptor, &status) != 0 || status.st_mode & S_IFMT != S_IFREG {
    errno = EINVAL
    return nil
  }
  let chunk = 65536
  var bytes: [UInt8] = []
  while true {
    let old = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: chunk))
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + old, chunk) }
    bytes.removeLast(chunk - max(0, count))
    if count < 0 { return nil }
    if count == 0 { return bytes }
    if bytes.count > 16 << 20 {
      errno = EFBIG
      return nil
    }
  }
}
