import Glibc

/// What tests need and the repository does not hold: `make setup` puts it into `.sheaf`.
public enum Installed {
  /// The folder: the environment's SHEAF_HOME, else `.sheaf` in the package.
  public static var home: String {
    if let home = getenv("SHEAF_HOME") { return String(cString: home) }
    return #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/.sheaf"
  }

  /// The folder with `libonnxruntime.so.*`.
  /// - Throws: `Missing` where it is not there.
  public static var onnxruntime: String { get throws(Missing) { try path("onnxruntime") } }

  /// The folder with MiniLM's `model.onnx` and `tokenizer.json`.
  /// - Throws: `Missing` where it is not there.
  public static var minilm: String { get throws(Missing) { try path("models/minilm") } }

  /// The folder with a newer librdkafka.so.1 than Debian's, for LD_LIBRARY_PATH.
  /// - Throws: `Missing` where it is not there.
  public static var newerLibrdkafka: String { get throws(Missing) { try path("librdkafka-2.16") } }

  private static func path(_ name: String) throws(Missing) -> String {
    let path = home + "/" + name
    guard access(path, R_OK) == 0 else { throw Missing(path: path) }
    return path
  }

  public struct Missing: Error, CustomStringConvertible {
    public var path: String
    public var description: String { "\(path) is missing; run `make setup`, or set SHEAF_HOME to the folder it is in" }
  }
}
