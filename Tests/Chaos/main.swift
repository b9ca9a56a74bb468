@preconcurrency import Glibc
import SheafTesting

/// A line, at once: several threads print, and what reads them may be waiting.
func say(_ line: String) {
  fputs(line + "\n", stdout)
  fflush(stdout)
}

func chaos() throws -> Bool {
  let options: Options
  do throws(Options.Wrong) { options = try Options(Array(CommandLine.arguments.dropFirst())) } catch {
    say("\(error.description)\n\(Options.usage)")
    return false
  }
  guard getenv("KAFKA_HOME") != nil else {
    say("chaos: skipped: needs Apache Kafka: set KAFKA_HOME")
    return true
  }
  say("chaos: seed \(options.seed), \(options.records) records, \(options.isExactlyOnce ? "exactly once" : "at least once")")
  let directory = try TemporaryDirectory("sheaf-chaos")
  let run = try Run(options, in: directory.path)
  try run.go()
  var faults = run.faults
  let tally = run.tally
  if options.isExactlyOnce {
    // What the killed left open is read past once it has timed out, for which the audit waits.
    for member in run.fleet.members { run.fleet.kill(member) }
  }
  let verdict = try Verdict(options, bootstrap: run.kafka.bootstrap)
  let report = verdict.report

  let blows = tally.kills + tally.stops + tally.restarts + tally.cuts + tally.joins
  let mostRepeats = options.isExactlyOnce ? 0 : blows * 2 * Run.recordsInside
  if report.records != options.records { faults.append("\(report.records) requests are in the topic, \(options.records) were sent") }
  if report.lost > 0 { faults.append("\(report.lost) lost, \(report.committedPast) of them committed past: \(report.examples.joined(separator: ", "))") }
  if report.strays > 0 { faults.append("\(report.strays) replies to no request") }
  if report.duplicated > mostRepeats { faults.append("\(report.duplicated) duplicated, \(mostRepeats) at most can be explained") }
  if verdict.wrongCount > 0 { faults.append("\(verdict.wrongCount) wrong answers: \(verdict.wrong.joined(separator: "; "))") }
  if tally.kills < options.kills || tally.restarts < options.restarts { faults.append("not everything planned has happened") }

  say("""
    records        \(report.records)
    kills          \(tally.kills)\(tally.kills > 0 ? ", each with work waiting (\(tally.leastLag) records and more) and records inside the worker (up to \(tally.mostInside))" : "")
    stops          \(tally.stops)
    restarts       \(tally.restarts) of brokers
    cuts, delays   \(tally.cuts)
    joins          \(tally.joins)
    answered       \(report.answered)
    error replies  \(report.failed) (\(report.codes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")))
    dead-lettered  \(report.deadLettered)
    lost           \(report.lost)
    committed past \(report.committedPast)
    duplicated     \(report.duplicated)\(options.isExactlyOnce ? "" : " (\(blows) blows, up to \(tally.mostInside) records inside a worker that was killed)")
    reordered      \(report.reordered)
    time           \(tally.seconds.rounded(to: 1)) s, \(Int(Double(report.records) / max(0.1, tally.seconds))) records a second; the audit took \(verdict.seconds.rounded(to: 1)) s
    """)
  for fault in faults { say("FAULT: \(fault)") }
  if !faults.isEmpty {
    _ = Unmanaged.passRetained(directory)  // Stays for who looks into it.
    say("the workers' logs are in \(directory.path); again: --seed \(options.seed)")
  }
  return faults.isEmpty
}

do {
  // A watchdog ends the children where this process is ended.
  let isFine = try chaos()
  exit(isFine ? 0 : 1)
} catch {
  say("FAULT: \(error)")
  exit(1)
}
