import Foundation
import SheafONNX
import Testing

struct SessionTests {
  @Test func declaresInputsOutputsAndMetadata() throws {
    let session = try Session(try runtime(), path: TinyModel.encoder().write("declared"))
    let shape: [Extent] = [.symbolic("batch"), .symbolic("sequence")]
    #expect(session.inputs == ["input_ids", "attention_mask", "token_type_ids"].map { TensorInfo($0, .int64, shape) })
    #expect(session.outputs == [TensorInfo("last_hidden_state", .float32, shape + [.fixed(2)])])
    #expect(session.metadata.producer == "tests")
    #expect(session.metadata.graph == "declared")
    #expect(session.metadata.entries == ["max_sequence": "64"])
  }

  @Test func runsOverCallersMemory() throws {
    let runner = Runner(try Session(try runtime(), path: TinyModel.linear().write()))
    for rows in [1, 3, 2] {
      let x = (0..<rows * 4).map { Float($0) }
      try x.withUnsafeBytes { try runner.run([TensorView(.float32, [rows, 4], $0)]) }
      let y = try runner.output(0)
      #expect(y.shape == [rows, 4])
      #expect(Array(y.bytes.assumingMemoryBound(to: Float.self)) == x.map { 2 * $0 + 1 })
    }
  }

  @Test func wrongShapeIsAnErrorAndTheNextRunIsFine() throws {
    let runner = Runner(try Session(try runtime(), path: TinyModel.linear().write()))
    let x = [Float](repeating: 1, count: 10)
    let error = #expect(throws: ONNXError.self) { try x.withUnsafeBytes { try runner.run([TensorView(.float32, [2, 5], $0)]) } }
    #expect(error?.code == .invalidArgument)
    #expect(throws: ONNXError.self) { try runner.output(0) }
    try x.withUnsafeBytes { try runner.run([TensorView(.float32, [2, 4], UnsafeRawBufferPointer(rebasing: $0[..<32]))]) }
    #expect(try runner.output(0).shape == [2, 4])
  }

  @Test func severalThreadsAtOnce() async throws {
    let session = try Session(try runtime(), path: TinyModel.linear().write())
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for thread in 0..<4 {
        group.addTask {
          let runner = Runner(session)
          for round in 0..<500 {
            let x = [Float](repeating: Float(thread * 1000 + round), count: 4)
            try x.withUnsafeBytes { try runner.run([TensorView(.float32, [1, 4], $0)]) }
            guard try runner.output(0).bytes.load(as: Float.self) == 2 * x[0] + 1 else { return false }
          }
          return true
        }
      }
      for try await right in group { #expect(right) }
    }
  }
}
