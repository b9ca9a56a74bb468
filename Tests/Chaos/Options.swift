/// What a run is to be. The command line has `--name value` for each.
struct Options {
  var seed: UInt64 = .random(in: 0..<1_000_000)
  var records = 1_000_000
  /// Workers killed (SIGKILL) and replaced.
  var kills = 60
  /// Workers stopped (SIGSTOP) and continued, half of them after the group has given them up.
  var stops = 12
  /// Brokers restarted, half of them killed.
  var restarts = 12
  /// Connections cut, or delayed for a while.
  var cuts = 20
  /// Workers that join, and others that leave in order.
  var joins = 10
  var workers = 3
  var partitions = 6
  /// Of 10,000 records: those whose batch fails, those of a wrong length, those whose reply is too large, those that come too late,
  /// and those that crash their worker.
  var poison = 10
  var malformed = 10
  var oversize = 2
  var expired = 0
  var crash = 0
  var isExactlyOnce = false
  /// Seconds without progress after which the run has failed.
  var patience = 90.0
  /// Further settings of the workers.
  var settings: [String] = []

  static let usage = """
    usage: Chaos [--short] [--seed N] [--records N] [--kills N] [--stops N] [--restarts N] [--cuts N] [--joins N] [--workers N]
                 [--partitions N] [--poison N] [--malformed N] [--oversize N] [--expired N] [--crash N] [--exactly-once]
                 [--patience SECONDS] [--set KEY=VALUE]…

    Workers on a Kafka of three nodes (KAFKA_HOME), while workers and brokers are killed; then every record is accounted for. Of
    10,000 records so many are poison, malformed and so on. The same seed plans the same run; --short is for every day.
    """

  struct Wrong: Error { var description: String }

  init(_ arguments: [String]) throws(Wrong) {
    var left = arguments[...]
    if arguments.contains("--help") { throw Wrong(description: "chaos") }
    func number<Number: LosslessStringConvertible>(_ name: String) throws(Wrong) -> Number {
      guard let text = left.popFirst(), let number = Number(text) else { throw Wrong(description: "\(name) needs a number") }
      return number
    }
    while let name = left.popFirst() {
      switch name {
      case "--short": (records, kills, stops, restarts, cuts, joins, expired) = (60_000, 6, 2, 2, 3, 2, 10)
      case "--seed": seed = try number(name)
      case "--records": records = try number(name)
      case "--kills": kills = try number(name)
      case "--stops": stops = try number(name)
      case "--restarts": restarts = try number(name)
      case "--cuts": cuts = try number(name)
      case "--joins": joins = try number(name)
      case "--workers": workers = try number(name)
      case "--partitions": partitions = try number(name)
      case "--poison": poison = try number(name)
      case "--malformed": malformed = try number(name)
      case "--oversize": oversize = try number(name)
      case "--expired": expired = try number(name)
      case "--crash": crash = try number(name)
      case "--patience": patience = try number(name)
      case "--exactly-once": isExactlyOnce = true
      case "--set": settings.append(left.popFirst() ?? "")
      default: throw Wrong(description: "unknown option \(name)")
      }
    }
  }
}
