/// Where outcomes go.
protocol Sink: AnyObject, Sendable {
  /// Opens the topics to write to; after the cluster was checked, since asking for a topic may create it.
  func open() throws
  /// Records answered with an error so far.
  var failed: Int { get }
  /// A writer for one thread.
  func makeWriter() -> any OutcomeWriter
  /// The reports thread: settles what is acknowledged, until `stop`.
  func run()
  /// Ends `run`; writers that wait for room give up. What is not acknowledged by then stays unsettled.
  func stop()
}

/// Writes outcomes of one thread, a batch at a time.
protocol OutcomeWriter: AnyObject {
  /// Answers requests from the outputs of the batch they ran in; those whose rows failed get an error.
  func answer(_ requests: ArraySlice<Request>, _ outputs: OutputSplitter, _ batch: ModelBatch)
  /// Tells a record's fault to its sender.
  func fail(_ record: Record, _ fault: RecordFault)
}
