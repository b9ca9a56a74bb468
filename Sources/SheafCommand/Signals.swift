import CPlatform
import Glibc
import Synchronization

/// SIGINT, SIGTERM, SIGHUP and SIGUSR1, taken from a signalfd by a thread of their own: no signal handler, so the action may do anything.
///
/// The first one runs the action set by `onStop`; without one, and at the second, the process exits. What comes within a second of
/// the first is the same wish: `timeout` and some init programs signal a process and then its group. SIGHUP and SIGUSR1 run the
/// actions set for them, every time.
enum Signals {
  private static let action = Mutex<(@Sendable () -> Void)?>(nil)
  private static let resume = Mutex<(@Sendable () -> Void)?>(nil)
  private static let reload = Mutex<(@Sendable () -> Void)?>(nil)
  /// When the action was run; seconds of CLOCK_MONOTONIC.
  private static let acted = Mutex<Int?>(nil)

  /// Blocks these signals for this and every later thread. Called before any other thread is started.
  static func install() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGHUP)
    sigaddset(&set, SIGUSR1)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    let descriptor = signalfd(-1, &set, Int32(SFD_CLOEXEC))
    guard descriptor >= 0 else { return }
    var thread = pthread_t()
    pthread_create(&thread, nil, signalThread, UnsafeMutableRawPointer(bitPattern: Int(descriptor) + 1))
    pthread_detach(thread)
  }

  /// What the first signal does, once. Set again, it replaces what was set.
  static func onStop(_ new: @escaping @Sendable () -> Void) {
    action.withLock { $0 = new }
  }

  /// What SIGUSR1 does; nothing where none is set.
  static func onResume(_ new: @escaping @Sendable () -> Void) {
    resume.withLock { $0 = new }
  }

  /// What SIGHUP does; where none is set the process ends, as it does by default.
  static func onReload(_ new: @escaping @Sendable () -> Void) {
    reload.withLock { $0 = new }
  }

  fileprivate static func received(_ signal: Int32) {
    if signal == SIGUSR1 {
      resume.withLock { $0 }?()
      return
    }
    if signal == SIGHUP, let reload = reload.withLock({ $0 }) { return reload() }
    let first = action.withLock { action in
      defer { action = nil }
      return action
    }
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    if first == nil, let acted = acted.withLock({ $0 }), now.tv_sec - acted <= 1 { return }
    acted.withLock { $0 = now.tv_sec }
    // At once: nothing is torn down while other threads still run.
    guard let first else { _exit(signal == SIGINT ? ExitCode.interrupted : 128 + signal) }
    first()
  }
}

/// A free function: a closure written in isolated code traps when C calls it on another thread.
private func signalThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let descriptor = Int32(Int(bitPattern: context) - 1)
  var info = signalfd_siginfo()
  while true {
    let count = read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size)
    if count == MemoryLayout<signalfd_siginfo>.size {
      Signals.received(Int32(info.ssi_signo))
    } else if count < 0 && errno != EINTR {
      return nil
    }
  }
}
