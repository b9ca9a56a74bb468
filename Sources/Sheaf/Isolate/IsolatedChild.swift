import CPlatform
import Glibc

/// The program of this process, started again to run batches; killed and reaped with `end()`.
struct IsolatedChild: Sendable {
  private let pid: pid_t
  let channel: Channel

  /// Why no child could be had. Not a record's fault.
  struct CannotStart: Error, CustomStringConvertible { var description: String }

  /// Starts the child and waits until its model is loaded.
  init(_ identity: String, timeout: Nanoseconds) throws(CannotStart) {
    let arguments = readCommandLine()
    if arguments.contains(where: { $0.hasSuffix(".xctest") }) { throw CannotStart(description: "a test runner would run its tests again") }
    var ends: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { throw CannotStart(description: "socketpair: \(String(cString: strerror(errno)))") }
    channel = Channel(descriptor: ends[0])
    let deadline = monotonicNow() + timeout
    let (failure, child) = spawnAgain(arguments, environment: "\(IsolatedServer.variable)=3:\(identity)", socket: ends[1])
    close(ends[1])
    pid = child
    guard failure == 0 else {
      close(ends[0])
      throw CannotStart(description: "cannot start \(arguments.first ?? "") again: \(String(cString: strerror(failure)))")
    }
    preferForMemoryKiller(pid)
    let reason: String
    do throws(Channel.Failure) {
      if try channel.receiveWords(until: deadline) == RunMessage.ready { return }
      reason = "its first word made no sense"
    } catch {
      reason = error == .late ? "its model was not loaded within \(timeout / 1_000_000_000) s" : ""
    }
    let exit = end()
    throw CannotStart(description: reason.isEmpty ? "it ended before its model was loaded: \(exit)" : reason)
  }

  /// Makes whoever waits for the child's answer find that it is gone.
  func cutOff() { shutdown(channel.descriptor, Int32(SHUT_RDWR)) }

  /// Kills the child, where it still runs, and waits for it. - Returns: how it ended.
  func end() -> ChildExit {
    close(channel.descriptor)
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 { if errno != EINTR { return ChildExit(status: nil) } }
    return ChildExit(status: status)
  }
}

/// How a process ended, in words.
struct ChildExit: Equatable, CustomStringConvertible {
  /// As waitpid gives it; nil: not known.
  var status: Int32?

  var description: String {
    guard let status else { return "ended" }
    let signal = status & 0x7f
    if signal == 0 { return "exit code \(status >> 8 & 0xff)" }
    let names = [SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV", SIGSYS: "SIGSYS"]
    return "signal \(signal)\(names[signal].map { " (\($0))" } ?? "")"
  }
}

private func readCommandLine() -> [String] {
  guard let file = fopen("/proc/self/cmdline", "re") else { return CommandLine.arguments }
  defer { fclose(file) }
  var bytes: [UInt8] = [], byte = getc(file)
  while byte != EOF {
    bytes.append(UInt8(truncatingIfNeeded: byte))
    byte = getc(file)
  }
  return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast(bytes.last == 0 ? 1 : 0).map { String(decoding: $0, as: UTF8.self) }
}

/// Executes this process's own file with the same arguments and environment and one variable more. The child has the socket as
/// descriptor 3, nothing to read, nobody who hears its standard output, and is in a process group of its own with the signals
/// blocked by which workers are stopped: it ends with its parent.
private func spawnAgain(_ arguments: [String], environment variable: String, socket: Int32) -> (failure: Int32, pid_t) {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
  posix_spawn_file_actions_adddup2(&actions, socket, 3)
  posix_spawn_file_actions_addclosefrom_np(&actions, 4)
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
  var blocked = sigset_t()
  sigemptyset(&blocked)
  for signal in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&blocked, signal) }
  posix_spawnattr_setsigmask(&attributes, &blocked)

  var variables: [UnsafeMutablePointer<CChar>?] = []
  var next = Glibc.environ
  while let entry = next.pointee {
    variables.append(entry)
    next += 1
  }
  let own = strdup(variable), copies = arguments.map { strdup($0) }
  defer { for copy in copies + [own] { free(copy) } }
  var child = pid_t()
  let failure = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, copies + [nil], variables + [own, nil])
  return (failure, child)
}

/// Where memory runs out, the kernel is to take the child and not the worker.
private func preferForMemoryKiller(_ pid: pid_t) {
  let descriptor = open("/proc/\(pid)/oom_score_adj", O_WRONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  _ = write(descriptor, "1000", 4)
  close(descriptor)
}
