import CPlatform
import Glibc

/// A thread of the worker, joined or detached exactly once.
struct Thread: Sendable {
  private let id: pthread_t

  /// Starts `body` on a thread of that name (15 bytes at most, as `ps -L` shows it).
  init(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(Start(name, body)).toOpaque()
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, threadMain, start)
    precondition(code == 0, "cannot start a thread: error \(code)")
    id = thread
  }

  func join() { pthread_join(id, nil) }
  /// In place of joining: it ends by itself.
  func detach() { pthread_detach(id) }
  /// One or the other.
  func leave(waiting: Bool) { if waiting { join() } else { detach() } }
}

private final class Start: Sendable {
  let name: String
  let body: @Sendable () -> Void
  init(_ name: String, _ body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}

/// A free function: a closure handed to C may carry an executor check that traps on another thread.
private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
  platform_name_thread(start.name)
  start.body()
  return nil
}
