/// A thread with a run context of its own: takes the next batch, copies its rows into the batch tensors, runs it, and has the
/// outputs encoded and sent.
final class Lane {
  private let batcher: Batcher
  private let source: any Source
  private let context: any RunContext
  private let writer: any OutcomeWriter
  private let batch: ModelBatch
  private let filler: BatchFiller
  private let splitter: OutputSplitter

  private let fail: (any Error) -> Void

  /// - Parameter fail: ends the worker, for what no other record can succeed with either.
  init(signature: Signature, context: any RunContext, batcher: Batcher, source: any Source, writer: any OutcomeWriter, fail: @escaping (any Error) -> Void) {
    self.fail = fail
    self.batcher = batcher
    self.source = source
    self.context = context
    self.writer = writer
    batch = ModelBatch(signature: signature)
    filler = BatchFiller(signature)
    splitter = OutputSplitter(signature)
  }

  func run() {
    var requests: [Request] = [], barred: [Request] = []
    while batcher.next(&requests, barred: &barred) != nil {
      giveBack(barred)
      run(requests[...], retries: true)
      for request in requests { request.release() }
      requests.removeAll(keepingCapacity: true)
      barred.removeAll(keepingCapacity: true)
    }
  }

  /// Runs requests as one batch; where the run fails, once more, then its halves, so that the culprits stand alone in the end.
  private func run(_ requests: ArraySlice<Request>, retries: Bool = false) {
    guard !requests.isEmpty else { return }
    do {
      filler.fill(batch, requests)
      try context.run(batch)
      try splitter.begin(batch)
      writer.answer(requests, splitter, batch)
    } catch let error as ModelLost {
      // Not these records' fault: they stay unsettled, and are answered again by whoever reads them next.
      fail(WorkerError("the model cannot go on: \(error)"))
    } catch {
      if retries {
        run(requests)
        return
      }
      if requests.count == 1 {
        writer.fail(requests.first!.record, RecordFault(.modelFailed, expected: "a record the model can answer", came: "\(error)"))
        return
      }
      let middle = requests.startIndex + requests.count / 2
      run(requests[..<middle])
      run(requests[middle...])
    }
  }

  private func giveBack(_ barred: [Request]) {
    guard !barred.isEmpty else { return }
    for request in barred { request.release() }
    writer.release(barred.map(\.record.ticket))
  }
}
