/// Runs one batch shape in several lanes at once and takes the time of every run. Each lane has a context and a thread of its own.
public final class LaneBench {
  private let lanes: [BenchLane]

  /// - Throws: what the model throws.
  public init(_ model: any Model, lanes: Int) throws {
    self.lanes = try (0..<max(1, lanes)).map { _ in BenchLane(try model.makeContext(), ShapeBench(model.signature)) }
  }

  /// A round: all lanes begin together, and each runs the shape until it has run for `span` nanoseconds, 20 times at most, once at
  /// least.
  /// - Parameter discarding: one run more before, which is not counted: the first of a shape is the slow one.
  /// - Returns: the median, in nanoseconds.
  /// - Throws: what the model throws.
  public func round(_ shape: BatchShape, span: Nanoseconds = 20_000_000, discarding: Bool) throws -> Nanoseconds {
    let start = Start(lanes.count)
    let threads = lanes.dropFirst().map { lane in Thread("sheaf-tune") { lane.round(shape, span, discarding, start) } }
    lanes[0].round(shape, span, discarding, start)
    threads.forEach { $0.join() }
    return Nanoseconds(median(try lanes.flatMap { try $0.result.get() }.map { Double($0) }))
  }
}

/// One lane's part; used by one thread at a time, and read once that has been joined.
private final class BenchLane: @unchecked Sendable {  // Handed from thread to thread, never shared.
  private let context: any RunContext
  private let bench: ShapeBench
  private(set) var result: Result<[Nanoseconds], any Error> = .success([])

  init(_ context: any RunContext, _ bench: ShapeBench) {
    self.context = context
    self.bench = bench
  }

  func round(_ shape: BatchShape, _ span: Nanoseconds, _ discarding: Bool, _ start: Start) {
    let ready = Result {
      try bench.fill(shape)
      if discarding { try context.run(bench.batch) }
    }
    start.wait()
    result = Result {
      try ready.get()
      var times: [Nanoseconds] = []
      let begin = monotonicNow()
      var now = begin
      repeat {
        bench.batch.begin(rows: shape.rows, length: shape.length)
        let from = monotonicNow()
        try context.run(bench.batch)
        now = monotonicNow()
        times.append(now - from)
      } while now - begin < span && times.count < 20
      return times
    }
  }
}

/// Holds all until the last has come.
private final class Start: @unchecked Sendable {  // What is mutable is protected by `monitor`.
  private let monitor = Monitor()
  private var missing: Int

  init(_ count: Int) { missing = count }

  func wait() {
    monitor.locked {
      missing -= 1
      if missing == 0 { monitor.broadcast() }
      while missing > 0 { monitor.wait() }
    }
  }
}
