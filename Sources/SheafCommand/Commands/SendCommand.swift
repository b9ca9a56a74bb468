enum SendCommand: Subcommand {
  static let summary = "not in this build yet"
  static let help = "usage: sheaf send"

  static func run(_ arguments: [String]) async throws -> Int32 {
    throw UsageError("send is not in this build yet")
  }
}
