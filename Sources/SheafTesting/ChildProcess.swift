import CPlatform
import Glibc

/// A child process: started without a shell, killed and reaped when the last reference goes, and, if asked, killed too when this
/// process ends, in whatever way.
public final class ChildProcess: Sendable {
  public let pid: pid_t
  private let pidfd: Int32
  private let watchdog: Watchdog?

  /// Where a child's standard output and error go.
  public enum Output: Sendable {
    case inherited, null
    /// Both appended to a file.
    case file(String)
  }

  /// How a process ended.
  public enum Exit: Sendable, Hashable {
    case code(Int32)
    case signal(Int32)
  }

  /// Starts `arguments[0]` (a path, or a name found on PATH).
  /// - Parameters:
  ///   - environment: added to this process's own.
  ///   - diesWithParent: the child (and its process group) is killed, and `removing` deleted, when this process ends first.
  public init(
    _ arguments: [String], environment: [String: String] = [:], output: Output = .inherited, diesWithParent: Bool = true,
    removing directory: String? = nil
  ) throws {
    pid = try spawn(arguments, environment, input: nil, output)
    pidfd = pidfd_open(pid, 0)
    guard pidfd >= 0 else {
      let reason = String(cString: strerror(errno))
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      throw TestClientError("pidfd_open: \(reason)")
    }
    watchdog = diesWithParent ? try Watchdog(over: pid, removing: directory) : nil
  }

  deinit {
    // The child stays unreaped until here, so its id is nobody else's while the watchdog might use it.
    signal(SIGKILL)
    watchdog?.end()
    waitpid(pid, nil, 0)
    close(pidfd)
  }

  /// Sends a signal; does nothing where the process has ended.
  public func signal(_ number: Int32) { _ = pidfd_send_signal(pidfd, number, nil, 0) }

  public var isRunning: Bool { wait(seconds: 0) == nil }

  /// Waits until the process ends. May be called again, and from several threads.
  @discardableResult
  public func wait() -> Exit {
    while true {
      if let exit = wait(seconds: 3600) { return exit }
    }
  }

  /// As `wait()`, with a bound; `nil`: still running.
  public func wait(seconds: Double) -> Exit? {
    var wait = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
    let deadline = monotonicSeconds() + seconds
    while true {
      let left = max(0, deadline - monotonicSeconds())
      let ready = poll(&wait, 1, Int32(left * 1000))
      if ready > 0 { break }
      if ready == 0 { return nil }
    }
    var info = siginfo_t()
    // WNOWAIT: it stays a zombie, so that every waiter sees how it ended.
    guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0 else { return nil }
    let status = info._sifields._sigchld.si_status
    return info.si_code == Int32(CLD_EXITED) ? .code(status) : .signal(status)
  }
}

/// A shell that waits for the end of a pipe held by this process, and then kills a process group.
struct Watchdog: Sendable {
  let pid: pid_t
  let pipe: Int32

  init(over child: pid_t, removing directory: String?) throws {
    var ends: [Int32] = [0, 0]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw TestClientError("pipe: \(String(cString: strerror(errno)))") }
    defer { close(ends[0]) }
    pipe = ends[1]
    // (dash's kill takes a group only in this spelling.)
    let script = #"read -r _; kill -s KILL -- "-$1"; if [ -n "$2" ]; then sleep 0.2; rm -rf -- "$2"; fi"#
    pid = try spawn(["/bin/sh", "-c", script, "watchdog", String(child), directory ?? ""], [:], input: ends[0], .null)
  }

  func end() {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    close(pipe)
  }
}

/// Starts a process in a group of its own, with nothing of this process's open files but the three standard ones.
private func spawn(_ arguments: [String], _ environment: [String: String], input: Int32?, _ output: ChildProcess.Output) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if let input {
    posix_spawn_file_actions_adddup2(&actions, input, 0)
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  }
  if let path = output.path {
    posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3)

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  // A group of its own: control-C at a terminal is for this process, which then ends its children in order. And no signal
  // blocked, whatever this thread has blocked for its signalfd.
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigmask(&attributes, &none)

  var variables = ownEnvironment()
  variables.merge(environment) { $1 }
  var child = pid_t()
  let failure = withCStrings(arguments) { arguments in
    withCStrings(variables.map { "\($0.key)=\($0.value)" }) { variables in
      posix_spawnp(&child, arguments[0]!, &actions, &attributes, arguments, variables)
    }
  }
  guard failure == 0 else { throw TestClientError("cannot start \(arguments[0]): \(String(cString: strerror(failure)))") }
  return child
}

extension ChildProcess.Output {
  fileprivate var path: String? {
    switch self {
    case .inherited: nil
    case .null: "/dev/null"
    case .file(let path): path
    }
  }
}

private func ownEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var next = Glibc.environ
  while let entry = next.pointee {
    let text = String(cString: entry)
    if let split = text.firstIndex(of: "=") { variables[String(text[..<split])] = String(text[text.index(after: split)...]) }
    next += 1
  }
  return variables
}

private func withCStrings<Result>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result) -> Result {
  let pointers = strings.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  return body(pointers + [nil])
}
