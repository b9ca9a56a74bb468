/// The decode thread: chunks of records in, decoded requests out to the batcher. What cannot be decoded is told to its sender
/// here and never meets a batch.
final class DecodeStage: Intake, @unchecked Sendable {  // The inbox is protected by `monitor`; the rest belongs to the thread.
  private let source: any Source
  private let batcher: Batcher
  private let decoder: RequestDecoder
  private let deadlines: Deadlines
  private let writer: any OutcomeWriter
  private let withdrawn: @Sendable () -> Void

  private let monitor = Monitor()
  private var inbox = Ring<RecordChunk>()
  private var spare: [RecordChunk] = []
  private var isEnded = false
  /// Records in the inbox.
  private var waiting = 0
  private var sourceWaits = false

  /// Records taken ahead of decoding, about. Few, so that a message is still in the processor's cache when the next stage touches
  /// it; the others are as well kept in librdkafka's queue.
  private static let ahead = 4 * RecordChunk.capacity

  /// Handed on together at most, or what half a millisecond gave: neither latency nor memory grows with the chunk.
  private static let handOn = 64
  private static let handOnAfter: Nanoseconds = 500_000

  /// - Parameter withdrawn: lanes that wait with requests in hand are to look which of them still stand.
  init(source: any Source, batcher: Batcher, decoder: RequestDecoder, deadlines: Deadlines, writer: any OutcomeWriter, withdrawn: @escaping @Sendable () -> Void) {
    self.withdrawn = withdrawn
    self.source = source
    self.batcher = batcher
    self.decoder = decoder
    self.deadlines = deadlines
    self.writer = writer
  }

  // MARK: Intake, for the consume thread

  func hasRoom() -> Bool {
    monitor.locked {
      sourceWaits = waiting >= DecodeStage.ahead
      return !sourceWaits
    }
  }

  func emptyChunk() -> RecordChunk { monitor.locked { spare.popLast() } ?? RecordChunk() }

  func accept(_ chunk: RecordChunk) {
    monitor.locked {
      inbox.append(chunk)
      waiting += chunk.count
      monitor.signal()
    }
  }

  func withdrawBarred() {
    giveBack(batcher.withdrawBarred())
    withdrawn()
  }

  private func giveBack(_ barred: [Request]) {
    guard !barred.isEmpty else { return }
    for request in barred { request.release() }
    writer.release(barred.map(\.record.ticket))
  }

  /// Nothing more will come: `run` ends when the inbox is empty.
  func end() {
    monitor.locked {
      isEnded = true
      monitor.signal()
    }
  }

  // MARK: The decode thread

  func run() {
    let decoded = UnsafeMutableBufferPointer<Request>.allocate(capacity: DecodeStage.handOn)
    defer { decoded.deallocate() }
    while let chunk = nextChunk() {
      decode(chunk, decoded)
      monitor.locked { spare.append(chunk) }
    }
  }

  private func nextChunk() -> RecordChunk? {
    var wakes = false
    let next: RecordChunk? = monitor.locked {
      while inbox.isEmpty {
        if isEnded { return nil }
        monitor.wait()
      }
      let chunk = inbox.removeFirst()
      waiting -= chunk.count
      wakes = sourceWaits && waiting <= DecodeStage.ahead / 2
      if wakes { sourceWaits = false }
      return chunk
    }
    if wakes { source.wake() }
    return next
  }

  private func decode(_ chunk: RecordChunk, _ decoded: UnsafeMutableBufferPointer<Request>) {
    var count = 0
    let clocks = Clocks.now()
    var begun = clocks.monotonic
    func handOn() {
      if count > 0 { giveBack(batcher.add(UnsafeBufferPointer(rebasing: decoded[..<count]))) }
      count = 0
    }
    for index in 0..<chunk.count {
      let record = chunk.records[index]
      guard source.fence.admits(record.ticket) else {
        writer.release([record.ticket])
        continue
      }
      do throws(RecordFault) {
        let deadline = try deadlines.deadline(of: record, clocks)
        if let deadline, case let late = Int64(monotonicNow()) - deadline, late >= 0 { throw RecordFault.expired(late: late) }
        switch try decoder.decode(record) {
        case .request(var request):
          if let deadline { request.deadline = Nanoseconds(deadline) }
          decoded.initializeElement(at: count, to: request)
          count += 1
        case .skip: writer.skip(record)
        }
      } catch {
        writer.fail(record, error)
      }
      if count == DecodeStage.handOn {
        handOn()
        begun = monotonicNow()
      } else if count & 7 == 7, monotonicNow() - begun >= DecodeStage.handOnAfter {
        handOn()
        begun = monotonicNow()
      }
    }
    handOn()
  }
}
