/// How a machine's processors are shared out: runs at once, and threads of each.
public struct LaneLayout: Sendable, Hashable, CustomStringConvertible {
  /// Runs at once; 1 and more.
  public var lanes: Int
  /// Threads of one run; 1 and more.
  public var threads: Int

  public init(lanes: Int, threads: Int) {
    self.lanes = lanes
    self.threads = threads
  }

  public var description: String { "\(lanes)×\(threads)" }

  /// From as many lanes as processors, of one thread each, to one lane of all threads, by powers of four on large machines; and one
  /// lane of one thread, which says what lanes cost each other.
  /// - Parameter processors: 1 and more.
  public static func ofProcessor(_ processors: Int) -> [LaneLayout] {
    let step = processors > 16 ? 4 : 2
    var threads = Array(sequence(first: 1) { $0 * step }.prefix { $0 < processors })
    threads.append(processors)
    let layouts = threads.map { LaneLayout(lanes: max(1, processors / $0), threads: $0) } + [LaneLayout(lanes: 1, threads: 1)]
    return layouts.indices.filter { layouts.firstIndex(of: layouts[$0]) == $0 }.map { layouts[$0] }
  }

  /// One, two and four lanes on a device: there, threads of the host do not matter.
  public static func ofDevice(threads: Int) -> [LaneLayout] { [1, 2, 4].map { LaneLayout(lanes: $0, threads: threads) } }
}

/// What is measured: a batch shape, run in every lane of a layout at once.
public struct TuneCell: Sendable, Hashable {
  public var layout: LaneLayout
  public var shape: BatchShape

  public init(_ layout: LaneLayout, _ shape: BatchShape) {
    self.layout = layout
    self.shape = shape
  }

  var tokens: Int { shape.rows * shape.length }
}

/// What a layout gives at one batch shape while records wait.
public struct OperatingPoint: Sendable, Hashable {
  public var cell: TuneCell
  /// Of one run, in nanoseconds.
  public var time: Double

  public init(_ cell: TuneCell, time: Double) {
    self.cell = cell
    self.time = time
  }

  public var layout: LaneLayout { cell.layout }
  public var rows: Int { cell.shape.rows }
  /// Rows a second, all lanes busy.
  public var throughput: Double { Double(rows * layout.lanes) * 1e9 / time }
  /// Nanoseconds until the answer of a row that comes when the last lane has just begun: the wait for the next lane, and the run.
  public var latency: Double { time * (1 + 1 / Double(layout.lanes)) }
}
