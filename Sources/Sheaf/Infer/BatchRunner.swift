/// One lane's way from requests to their replies: fills a batch, runs the model, splits what comes out and encodes it; in this process
/// or in another one.
protocol BatchRunner: AnyObject {
  /// Runs requests of one group as one batch; one that is alone and larger than `bounds`, in parts.
  /// - Throws: what the model throws; `BatchFault`.
  func run(_ requests: ArraySlice<Request>, within bounds: RunBounds) throws -> BatchRun
  /// What the last run answered to its `index`th request, from 0; asked in order. Valid until the next call.
  func reply(_ index: Int) -> BatchReply
  /// Whether these would be run as a shape that never ran before, where such runs are slow.
  func isNew(_ requests: ArraySlice<Request>) -> Bool
  /// Runs a made-up row, which no record is the worse for. - Throws: what the model throws.
  func runExample(length: Int) throws
  /// Looks for the row that a request fails with. - Returns: its number; nil: none fails alone.
  func failingRow(of request: Request) -> Int?
}

/// What became of a run, or of the runs of a request's parts together.
struct BatchRun: Equatable {
  /// Each run: its rows, padding included, and what it took.
  struct Part: Equatable {
    var shape: BatchShape
    var rowPadding: Int
    var time: Nanoseconds
  }
  var parts: [Part] = []
  /// Requests of which the model failed a row, and what it said of the first.
  var failed = 0
  var firstFailure = ""

  /// Rows that are requests'.
  var requested: Int { parts.reduce(0) { $0 + $1.shape.rows - $1.rowPadding } }
  var rows: Int { parts.reduce(0) { $0 + $1.shape.rows } }
  var length: Int { parts.map(\.shape.length).max() ?? 1 }
  /// Rows of the largest run.
  var mostRows: Int { parts.map(\.shape.rows).max() ?? 0 }
}
