import Glibc
import SheafTesting

/// The workers of a run, as processes.
final class Fleet {
  final class Member {
    let name: String
    let process: ChildProcess
    let log: String
    fileprivate let report: String
    /// When a stopped one goes on.
    var continuesAt: Double?

    fileprivate init(_ name: String, _ arguments: [String], in directory: String) throws {
      (self.name, log, report) = (name, "\(directory)/\(name).log", "\(directory)/\(name).report")
      process = try ChildProcess(arguments + ["report=\(report)"], output: .file(log))
    }

    /// Records inside it and records taken since its start, a tenth of a second ago at most.
    var load: (inside: Int, taken: Int) {
      guard let text = try? readText(report), let line = text.split(separator: "\n").dropLast(text.last == "\n" ? 0 : 1).last else { return (0, 0) }
      let fields = line.split(separator: " ").compactMap { Int($0) }
      return fields.count >= 3 ? (fields[0], fields[2]) : (0, 0)
    }
  }

  private(set) var members: [Member] = []
  /// Those that ended without having been told to, with their last lines.
  private(set) var deserters: [String] = []
  private let arguments: [String]
  private let directory: String
  private var count = 0

  /// - Parameter arguments: of TestWorker.
  init(_ arguments: [String], in directory: String) throws {
    self.arguments = [try builtExecutable("TestWorker")] + arguments
    self.directory = directory
  }

  func start() throws {
    count += 1
    members.append(try Member("worker-\(count)", arguments, in: directory))
  }

  /// One that runs and has records inside; `choice` picks.
  func busy(_ choice: Int) -> Member? {
    let busy = members.filter { $0.continuesAt == nil && $0.process.isRunning && $0.load.inside > 0 }
    return busy.isEmpty ? nil : busy[choice % busy.count]
  }

  func kill(_ member: Member) {
    member.process.signal(SIGKILL)
    member.process.wait()
    members.removeAll { $0 === member }
  }

  func stop(_ member: Member, until time: Double) {
    member.process.signal(SIGSTOP)
    member.continuesAt = time
  }

  /// Ends one in order. - Returns: what is wrong with how it ended; nil: nothing.
  func end(_ member: Member) -> String? {
    if member.continuesAt != nil { member.process.signal(SIGCONT) }
    members.removeAll { $0 === member }
    member.process.signal(SIGTERM)
    let exit = member.process.wait(seconds: 60)
    // A broker that is away takes partitions with it, and whoever had them says so.
    if exit == .code(1), lastLines(member).contains("partitions were lost to the group during the drain") { return nil }
    return exit == .code(0) ? nil : "\(member.name) was asked to end and \(exit.map { "ended with \($0)" } ?? "did not within a minute"): \(lastLines(member))"
  }

  /// Continues those whose time has come, replaces those that ended by themselves.
  func tend(_ now: Double) throws {
    for member in members {
      if let time = member.continuesAt, now >= time {
        member.process.signal(SIGCONT)
        member.continuesAt = nil
      }
      if !member.process.isRunning {
        deserters.append("\(member.name) ended with \(member.process.wait()): \(lastLines(member))")
        members.removeAll { $0 === member }
        try start()
      }
    }
  }

  private func lastLines(_ member: Member) -> String {
    ((try? readText(member.log)) ?? "").split(separator: "\n").filter { !$0.hasPrefix("%") && !$0.hasPrefix("kafka:") }.suffix(4).joined(separator: " | ")
  }
}
