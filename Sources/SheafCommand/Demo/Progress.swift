@preconcurrency import Glibc
import SheafTesting

/// How far a long job is: one line drawn again and again on a terminal, a line now and then elsewhere.
struct Progress {
  private let total: Int
  private let isTerminal = isatty(STDOUT_FILENO) == 1
  private let start = monotonicSeconds()
  private var shown = monotonicSeconds()

  init(total: Int) { self.total = total }

  mutating func show(_ done: Int) {
    let now = monotonicSeconds()
    let isDone = done == total
    guard isDone || now - shown >= (isTerminal ? 0.1 : 2) else { return }
    shown = now
    let rate = Int(Double(done) / max(now - start, 0.001))
    let line = "  \(done) of \(total) answered, \(rate) texts/s"
    fputs(isTerminal ? "\r\(line)\u{1b}[K" + (isDone ? "\n" : "") : line + "\n", stdout)
    fflush(stdout)
  }
}
