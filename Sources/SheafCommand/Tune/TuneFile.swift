import Sheaf

/// What was measured, beside the model's profiles, so that a tune that was interrupted goes on where it stopped: a line a cell, with
/// lanes, threads, rows, length and the nanoseconds of each round.
enum TuneFile {
  private static let head = "sheaf tune 1"

  static func text(_ tuned: TuneMachine) -> String {
    let cells = tuned.rounds.map { cell, times in
      ([cell.layout.lanes, cell.layout.threads, cell.shape.rows, cell.shape.length].map(String.init) + times.map { "\($0)" }).joined(separator: " ")
    }
    return ([head] + cells.sorted()).joined(separator: "\n") + "\n"
  }

  /// Hands on what a text holds; nothing where it is of another version. A line that cannot be read is passed over: it is measured again.
  static func read(_ text: String, _ record: (TuneCell, Nanoseconds) -> Void) {
    let lines = text.split(separator: "\n")
    guard lines.first == head[...] else { return }
    for line in lines.dropFirst() {
      let parts = line.split(separator: " ").map { Nanoseconds($0) }
      let numbers = parts.compactMap(\.self)
      guard numbers.count == parts.count, numbers.count > 4, numbers.allSatisfy({ $0 > 0 && $0 < 1 << 50 }), numbers[..<4].allSatisfy({ $0 <= 1 << 24 }) else { continue }
      let cell = TuneCell(LaneLayout(lanes: Int(numbers[0]), threads: Int(numbers[1])), BatchShape(rows: Int(numbers[2]), length: Int(numbers[3])))
      for time in numbers.dropFirst(4) { record(cell, time) }
    }
  }
}
