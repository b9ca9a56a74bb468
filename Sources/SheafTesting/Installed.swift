import Glibc

/// What `scripts/setup` has installed, for tests and the demo: under `SHEAF_HOME`, else `.sheaf` in the working folder.
public enum Installed {
  public static var home: String { getenv("SHEAF_HOME").map { String(cString: $0) } ?? ".sheaf" }

  /// A folder with model.onnx and tokenizer.json. - Throws: where it is not there, saying what to do.
  public static func minilm() throws -> String {
    let folder = home + "/models/minilm"
    for name in ["model.onnx", "tokenizer.json"] where access("\(folder)/\(name)", R_OK) != 0 {
      throw TestClientError("\(folder)/\(name) is not there: run `make setup`, or set SHEAF_HOME to where it was run")
    }
    return folder
  }
}
