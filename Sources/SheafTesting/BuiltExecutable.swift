import Glibc

/// Path of an executable of this package, built beside the running test bundle.
public func builtExecutable(_ name: String) throws -> String {
  // The process is the toolchain's test runner; the bundle is among its mapped files.
  let bundle = try readText("/proc/self/maps").split(separator: "\n").compactMap { $0.split(separator: " ").last }.first { $0.hasSuffix(".xctest") }
  guard let bundle else { throw TestClientError("not in a test bundle") }
  let path = bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/" + name
  guard access(path, X_OK) == 0 else { throw TestClientError("\(path) is not there: run `swift build --build-tests`") }
  return path
}
