enum InspectCommand: Subcommand {
  static let summary = "not in this build yet"
  static let help = "usage: sheaf inspect"

  static func run(_ arguments: [String]) async throws -> Int32 {
    throw UsageError("inspect is not in this build yet")
  }
}
