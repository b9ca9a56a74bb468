/// Sends bulk records to a decode thread of their own, so that they never stand before others.
final class PriorityIntake: Intake {
  private let interactive: any Intake
  private let bulk: any Intake

  init(interactive: any Intake, bulk: any Intake) {
    self.interactive = interactive
    self.bulk = bulk
  }

  func hasRoom(for priority: Priority) -> Bool { intake(for: priority).hasRoom(for: priority) }
  func emptyChunk(for priority: Priority) -> RecordChunk { intake(for: priority).emptyChunk(for: priority) }
  func accept(_ chunk: RecordChunk) { intake(for: chunk.priority).accept(chunk) }

  func withdrawBarred() {
    interactive.withdrawBarred()
    bulk.withdrawBarred()
  }

  func suspectsSettled() {}

  private func intake(for priority: Priority) -> any Intake { priority == .interactive ? interactive : bulk }
}
