import Glibc

/// Path of an executable of this package, built beside the running test bundle or executable.
public func builtExecutable(_ name: String) throws -> String {
  // Under test the process is the toolchain's runner; the bundle is among its mapped files.
  let bundle = try readText("/proc/self/maps").split(separator: "\n").compactMap { $0.split(separator: " ").last }.first { $0.hasSuffix(".xctest") }
  var own = [UInt8](repeating: 0, count: 4096)
  let count = own.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count) }
  let path = (bundle.map(String.init) ?? String(decoding: own[..<max(0, count)], as: UTF8.self)).split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/" + name
  guard access(path, X_OK) == 0 else { throw TestClientError("\(path) is not there: run `swift build --build-tests`") }
  return path
}
