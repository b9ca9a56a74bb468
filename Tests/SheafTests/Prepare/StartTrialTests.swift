import Testing

@testable import Sheaf

/// One made-up request on its whole way, before a worker starts.
@Suite struct StartTrialTests {
  private struct Echo: Model {
    let name = "echo"
    var signature: Signature
    var isBroken = false

    func makeContext() throws -> any RunContext { Context(isBroken: isBroken) }

    final class Context: RunContext {
      let isBroken: Bool
      init(isBroken: Bool) { self.isBroken = isBroken }
      func run(_ batch: ModelBatch) throws {
        if isBroken { throw BatchFault("no kernel for this type") }
        for index in batch.signature.outputs.indices { _ = batch.output(index) }
      }
    }
  }

  private func trial(_ model: Echo, _ format: DecodeOptions.Format, replies: ReplyFormat = .json) throws -> StartTrial {
    try StartTrial(model, WorkerConfiguration(kafka: [:], topics: .init(requests: ["a"], format: format, replyFormat: replies, replies: "b")))
  }

  private let one = Echo(signature: Signature(inputs: [.rows("x", .float32, [2])], outputs: [.rows("y", .float32, [2])]))
  private let two = Echo(signature: Signature(inputs: [.rows("x", .float32, [2]), .rows("z", .int64, [1])], outputs: [.rows("y", .float32, [2]), .rows("w", .float32, [1])]))

  @Test func whatIsAnsweredIsShown() throws {
    for format in [DecodeOptions.Format.json, .raw] {
      let trial = try trial(one, format)
      #expect(trial.unread == nil && trial.example == #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[0.5,0.5]}]}"#)
    }
  }

  /// A record with a header could be read all the same: it is told, not refused.
  @Test func aFormatThatNoRecordIsReadIn() throws {
    #expect(try trial(two, .raw).unread?.contains("the model takes 2 inputs") == true)
    #expect(try trial(one, .text).unread?.contains("takes no text") == true)
  }

  @Test func whereNothingIsAnsweredAWorkerDoesNotStart() {
    let raw = #expect(throws: StartRefused.self) { try trial(two, .json, replies: .raw) }
    #expect(raw?.reason.contains("2 outputs") == true && raw?.isRead == false)
    var broken = one
    broken.isBroken = true
    let run = #expect(throws: StartRefused.self) { try trial(broken, .json) }
    #expect(run?.reason.contains("no kernel") == true && run?.isRead == true)
  }
}
