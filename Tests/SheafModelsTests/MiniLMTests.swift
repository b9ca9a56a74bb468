import Foundation
import SheafONNX
import SheafTesting
import Testing
@testable import Sheaf
@testable import SheafModels

/// A real model against what Python's onnxruntime answers (Fixtures/minilm_embeddings.py).
struct MiniLMTests {
  struct Case {
    var row: SampleRow
    var embedding: [Float]
  }

  /// The mask is filled in, so that a row is its ids alone.
  private func cases() throws -> [Case] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/minilm-embeddings.bin")
    let data = try Data(contentsOf: file)
    return data.withUnsafeBytes { bytes in
      var at = 0
      func next<T: BitwiseCopyable>(_ type: T.Type) -> T {
        defer { at += MemoryLayout<T>.size }
        return bytes.loadUnaligned(fromByteOffset: at, as: type)
      }
      let (count, width) = (next(UInt32.self), next(UInt32.self))
      return (0..<count).map { _ in
        let ids = (0..<next(UInt32.self)).map { _ in Double(next(UInt16.self)) }
        return Case(row: SampleRow(length: ids.count, inputs: [ids, []]), embedding: (0..<width).map { _ in next(Float.self) })
      }
    }
  }

  @Test func equalsPythonAloneInBatchesAndPadded() throws {
    let model = try OnnxModel(OnnxOptions(path: Installed.minilm), runtime: runtime())
    #expect(model.name == "minilm")
    #expect(model.signature.inputs.map(\.source) == [.request, .mask(of: "input_ids")])
    #expect(model.signature.maxLength == 512)
    let cases = try cases()
    #expect(cases.count == 40)
    func largest(_ answers: [[Double]], _ cases: ArraySlice<Case>) -> Double {
      zip(answers, cases).reduce(0) { largest, pair in
        #expect(pair.0.count == pair.1.embedding.count)
        return zip(pair.0, pair.1.embedding).reduce(largest) { max($0, abs($1.0 - Double($1.1))) }
      }
    }
    for (size, length) in [(1, 0), (1, 200), (3, 0), (8, 0), (40, 0), (8, 200)] {
      var worst = 0.0
      for start in stride(from: 0, to: cases.count, by: size) {
        let part = cases[start..<min(start + size, cases.count)]
        worst = max(worst, largest(try run(model, part.map(\.row), paddedTo: length)[0], part))
      }
      #expect(worst < 1e-5, "batches of \(size), at least \(length) long: \(worst) apart")
      print("MiniLM in batches of \(size), at least \(length) long: \(worst) from Python")
    }
  }

  @Test func checkSaysSafe() throws {
    let check = try BatchCheck(try OnnxModel(OnnxOptions(path: Installed.minilm), runtime: runtime()))
    #expect(check.isSafe, "\(check)")
  }
}
