import Testing

@testable import Sheaf

/// Rows of unlike length, for a model that pads nothing.
@Suite struct EvenPartsTests {
  /// The sum of each row's ids, and how many there are in its batch.
  private struct Sums: Model {
    let name = "sums"
    let signature = Signature(
      inputs: [TensorSpec("ids", .int64, [.symbolic("batch"), .symbolic("length")])], outputs: [.rows("sum", .int64, [1]), .rows("length", .int64, [1])])
    var text: (any TextEncoder)? { ByteEncoder() }

    func makeContext() throws -> any RunContext { Context() }

    final class Context: RunContext {
      func run(_ batch: ModelBatch) throws {
        let length = batch.inputShape(0)[1], ids = batch.input(0, as: Int64.self)
        let sums = batch.output(0, as: Int64.self), lengths = batch.output(1, as: Int64.self)
        for row in 0..<batch.rows {
          sums[row] = ids[(row * length)..<((row + 1) * length)].reduce(0, +)
          lengths[row] = Int64(length)
        }
      }
    }
  }

  private func answer(_ json: String) throws -> String {
    let model = Sums(), decoder = RequestDecoder(signature: model.signature, text: model.text, options: DecodeOptions(format: .json)), runner = try LocalRunner(model)
    return try withRecord(Array(json.utf8)) { record in
      guard case .request(let request) = try decoder.decode(record) else { return "" }
      defer { request.release() }
      let run = try runner.run([request][...], within: RunBounds(maxRows: 2, maxTokens: .max))
      guard case .value(let reply, _) = runner.reply(0) else { return "" }
      return "\(run.parts.map(\.shape.rows)) " + String(decoding: reply, as: UTF8.self)
    }
  }

  @Test func rowsOfOneLengthRunTogetherAndAreAnsweredAsOne() throws {
    // An id is a byte; 101 and 102 are set around a text.
    let reply = try answer(#"{"texts":["aa","ab","ba","a","aaa","bbb"]}"#)
    #expect(reply.hasPrefix("[2, 1, 1, 2] "))
    #expect(reply.contains(#""name":"sum","datatype":"INT64","shape":[6,1],"data":[397,398,398,300,494,497]"#))
    #expect(reply.contains(#""name":"length","datatype":"INT64","shape":[6,1],"data":[4,4,4,3,5,5]"#))
  }

  @Test func evenRowsAreNotTakenApart() throws {
    #expect(try answer(#"{"texts":["aa","bb"]}"#).hasPrefix("[2] "))
  }
}
