enum ServeCommand: Subcommand {
  static let summary = "not in this build yet"
  static let help = "usage: sheaf serve"

  static func run(_ arguments: [String]) async throws -> Int32 {
    throw UsageError("serve is not in this build yet")
  }
}
