import SheafKafka
import SheafTesting

@testable import Sheaf

/// A source of nothing.
final class ScriptedSource: Source {
  let fence = Fence()
  let held = Locked<[(topic: Int32, isHeld: Bool)]>([])

  init() { fence.admit(slot: 0, epoch: 0) }

  func run(_ intake: any Intake) {}
  func leaveMarked() {}
  func wake() {}
  func stop() {}
  func hold(_ isHeld: Bool) {}
  func hold(topic: Int32, _ isHeld: Bool) { held.withLock { $0.append((topic, isHeld)) } }
  func assignedPartitions(of topic: Int32) -> Int { 2 }
  func settle(_ tickets: UnsafeBufferPointer<Ticket>) {}
  func release(_ tickets: UnsafeBufferPointer<Ticket>) {}
  func record(_ ticket: Ticket) -> Record { fatalError("no record is kept") }
  func require(_ outcomes: UInt8, _ ticket: Ticket) {}
  func watch(by watch: Watchdog.Watch) {}
  func count(kept bytes: Int) {}
  func sample(_ ticket: Ticket, now: Nanoseconds) {}
  func onSample(_ body: @escaping @Sendable (Nanoseconds) -> Void) {}
  func onDrain(_ body: @escaping @Sendable () -> Void) {}
  func groupMetadata() -> GroupMetadata? { nil }
  func offset(after ticket: Ticket) -> PartitionOffset { fatalError("no record is kept") }
  func committed(_ offsets: [(ticket: Ticket, offset: Int64)]) {}
  var missedAtEnd: String? { nil }
  var hasUnsettled: Bool { false }
  var counts: (inside: Int, bytes: Int, taken: Int, settled: Int) { (0, 0, 0, 0) }
  var bulkInside: Int { 0 }
  func topicName(_ topic: Int32) -> String { "requests" }
}

/// Notes what each record is told.
final class ScriptedWriter: OutcomeWriter, @unchecked Sendable {  // The notes are behind a lock.
  /// The answer's first byte by sequence, or the fault; more than one where a record was told twice.
  let told = Locked<[UInt32: [String]]>([:])
  let released = Locked<[UInt32]>([])

  func answer(_ requests: ArraySlice<Request>, batchRows: Int, reply: (Int) -> BatchReply) {
    for (index, request) in requests.enumerated() {
      switch reply(index) {
      case .failed(let reason): fail(request.record, RecordFault(.modelFailed, expected: "", came: reason))
      case .value(let value, _): note(request.record, "\(value[0])")
      }
    }
  }

  func fail(_ record: Record, _ fault: RecordFault) { note(record, fault.came) }

  func skip(_ record: Record) { note(record, "skipped") }
  func release(_ tickets: [Ticket]) { released.withLock { $0 += tickets.map(\.sequence) } }

  private func note(_ record: Record, _ what: String) { told.withLock { $0[record.ticket.sequence, default: []].append(what) } }
}

/// A context that does as it is told, over one byte a row.
final class ScriptedContext: RunContext {
  static let signature = Signature(inputs: [.rows("bytes", .uint8, [1])], outputs: [.rows("bytes", .uint8, [1])])
  let onRun: (ModelBatch) throws -> Void
  init(_ onRun: @escaping (ModelBatch) throws -> Void) { self.onRun = onRun }

  func run(_ batch: ModelBatch) throws {
    try onRun(batch)
    batch.output(0).copyMemory(from: batch.input(0))
  }
}

/// Bytes 0 to 255, for requests to point to.
nonisolated(unsafe) private let bytes: UnsafeMutablePointer<UInt8> = {
  let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
  for index in 0..<256 { bytes[index] = UInt8(index) }
  return bytes
}()

/// A request of one row, the byte of its sequence.
func byteRequest(_ sequence: UInt32) -> Request {
  let record = Record(
    ticket: Ticket(slot: 0, epoch: 0, sequence: sequence), topic: 0, partition: 0, offset: Int64(sequence), timestamp: 0, arrival: 0,
    key: .init(start: nil, count: 0), value: .init(start: nil, count: 0), headers: .none)
  let tensor = RequestTensor(data: bytes + Int(sequence % 256), byteCount: 1, length: 1)
  return Request(record: record, rows: 1, length: 1, tensor: tensor, replyFormat: .raw)
}
