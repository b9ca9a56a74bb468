import Glibc

/// One line on standard error, in one write, so that lines of several threads do not mix.
@Sendable func logToStandardError(_ line: String) {
  var line = "sheaf: \(line)\n"
  line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
