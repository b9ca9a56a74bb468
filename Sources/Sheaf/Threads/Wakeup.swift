import CPlatform
import Glibc

/// What the consume thread sleeps on: an eventfd that librdkafka and our other threads write to.
final class Wakeup: Sendable {
  let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))

  /// May be called from any thread.
  func wake() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  /// Sleeps until woken or until `deadline`; clears the flag.
  func wait(until deadline: Nanoseconds) {
    let now = monotonicNow()
    if deadline > now { _ = platform_wait_readable(descriptor, deadline - now) }
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
  }

  deinit { close(descriptor) }
}
