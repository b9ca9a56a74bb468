import Glibc

/// A directory under /tmp that is deleted with the last reference.
public final class TemporaryDirectory: Sendable {
  public let path: String

  public init(_ name: String = "sheaf") throws {
    var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestClientError("mkdtemp: \(String(cString: strerror(errno)))") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { _ = try? ChildProcess(["/bin/rm", "-rf", "--", path], diesWithParent: false).wait() }
}

/// A file's text; bytes that are not UTF-8 are replaced.
public func readText(_ path: String) throws -> String { String(decoding: try readBytes(path), as: UTF8.self) }

public func readBytes(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "re") else { throw TestClientError("\(path): \(String(cString: strerror(errno)))") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  return bytes
}

public func writeText(_ text: String, to path: String) throws {
  guard let file = fopen(path, "we") else { throw TestClientError("\(path): \(String(cString: strerror(errno)))") }
  let written = fputs(text, file)
  guard fclose(file) == 0, written >= 0 else { throw TestClientError("\(path): \(String(cString: strerror(errno)))") }
}

/// What a directory holds, in order of name, without names that begin with a dot; nothing where there is no such directory.
public func fileNames(in path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if !name.hasPrefix(".") { names.append(name) }
  }
  return names.sorted()
}
