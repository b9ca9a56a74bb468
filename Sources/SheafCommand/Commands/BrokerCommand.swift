enum BrokerCommand: Subcommand {
  static let summary = "not in this build yet"
  static let help = "usage: sheaf broker"

  static func run(_ arguments: [String]) async throws -> Int32 {
    throw UsageError("broker is not in this build yet")
  }
}
