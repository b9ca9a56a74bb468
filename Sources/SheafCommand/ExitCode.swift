/// What the shell is told.
enum ExitCode {
  static let success: Int32 = 0
  /// The run failed: a broker, a model, a request without an answer.
  static let failure: Int32 = 1
  /// The command line or the configuration is wrong; the same again will fail again.
  static let usage: Int32 = 2
  /// Ended by a second signal, as shells count it (128 + SIGINT).
  static let interrupted: Int32 = 130
}

/// The command line is wrong; one line that says how to put it right.
struct UsageError: Error, CustomStringConvertible, Equatable {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Ends the command with lines on standard error and an exit code.
struct ExitError: Error {
  var code: Int32
  var lines: [String]
}
