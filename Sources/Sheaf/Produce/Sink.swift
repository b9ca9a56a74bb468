/// Where outcomes go.
protocol Sink: AnyObject, Sendable {
  /// Opens the topics to write to, whose partitions are given; after the cluster was checked, since asking for a topic may
  /// create it.
  func open(_ partitions: [String: Int]) throws
  /// Records answered with an error so far.
  var failed: Int { get }
  /// Records answered with a NaN so far, or failed for it.
  var withNaN: Int { get }
  /// How far what was sent is acknowledged. Any thread.
  var acknowledgements: Watchdog.Acknowledgements { get }
  /// A writer for one thread.
  func makeWriter() -> any OutcomeWriter
  /// Starts its threads: what is acknowledged is settled, until `stop`.
  func start()
  /// Writers that wait for room give up. What is not acknowledged by then stays unsettled.
  func stop()
  /// After `stop`: waits for the threads to end, or lets them end by themselves.
  func leave(waiting: Bool)
}

/// Writes outcomes of one thread, a batch at a time.
protocol OutcomeWriter: AnyObject {
  /// Answers requests that ran together; those whose rows failed get an error.
  /// - Parameters:
  ///   - batchRows: that they had together.
  ///   - reply: to the request of a number, from 0; asked in order.
  func answer(_ requests: ArraySlice<Request>, batchRows: Int, reply: (Int) -> BatchReply)
  /// Tells a record's fault to its sender.
  func fail(_ record: Record, _ fault: RecordFault)
  /// The record is passed over, as the configuration asks for.
  func skip(_ record: Record)
  /// Records are given up unanswered, since their assignment has ended or the worker does. Any thread.
  func release(_ tickets: [Ticket])
}
