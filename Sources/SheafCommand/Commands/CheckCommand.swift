enum CheckCommand: Subcommand {
  static let summary = "not in this build yet"
  static let help = "usage: sheaf check"

  static func run(_ arguments: [String]) async throws -> Int32 {
    throw UsageError("check is not in this build yet")
  }
}
