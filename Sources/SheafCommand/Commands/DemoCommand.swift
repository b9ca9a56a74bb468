enum DemoCommand: Subcommand {
  static let summary = "not in this build yet"
  static let help = "usage: sheaf demo"

  static func run(_ arguments: [String]) async throws -> Int32 {
    throw UsageError("demo is not in this build yet")
  }
}
