@preconcurrency import Glibc
import Sheaf
import SheafTesting

/// How far a tune is, on standard error: one line drawn again and again on a terminal, a line every few seconds elsewhere.
struct TuneProgress {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var shown = 0.0

  mutating func show(_ tuned: TuneMachine, _ cell: TuneCell, _ time: Nanoseconds) {
    let now = monotonicSeconds()
    guard now - shown >= (isTerminal ? 0.1 : 5) else { return }
    shown = now
    let (done, all) = tuned.progress
    let line = "sheaf: \(done) of \(all) rounds; \(cell.layout) lanes×threads, \(cell.shape.rows) × \(cell.shape.length): \(Figures.milliseconds(Double(time))) ms"
    fputs(isTerminal ? "\r\(line)\u{1b}[K" : line + "\n", stderr)
    fflush(stderr)
  }

  func end() { if isTerminal, shown > 0 { fputs("\r\u{1b}[K", stderr) } }
}
