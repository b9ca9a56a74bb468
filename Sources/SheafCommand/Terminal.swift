@preconcurrency import Glibc

/// Lines to standard output and standard error, each written at once: several threads print, and pipes are read line by line.
enum Terminal {
  static func print(_ line: String) { write(line, to: stdout) }

  /// A line of the log.
  static func note(_ line: String) { write(line, to: stderr) }

  /// A line that says what went wrong.
  static func error(_ line: String) { write("sheaf: \(line)", to: stderr) }

  private static func write(_ line: String, to stream: UnsafeMutablePointer<FILE>?) {
    fputs(line + "\n", stream)
    fflush(stream)
  }
}
