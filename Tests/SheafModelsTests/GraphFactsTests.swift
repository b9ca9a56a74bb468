import Foundation
import SheafONNX
import Testing
@testable import SheafModels

struct GraphFactsTests {
  private func facts(_ model: TinyModel) throws -> GraphFacts { try #require(GraphFacts(path: try model.write())) }

  @Test func whatAGraphIsMadeOf() throws {
    let facts = try facts(.quantised())
    #expect(facts.irVersion == 9 && facts.opsets == ["": 20, "ai.onnx.ml": 3])
    #expect(facts.operators[.init(domain: "", name: "MatMulInteger")] == 1)
    #expect(facts.quantisers == ["DynamicQuantizeLinear"] && !facts.isHalf && !facts.isBroken)
    #expect(try self.facts(.classifier(zipMap: true, strings: false)).operators[.init(domain: "ai.onnx.ml", name: "ZipMap")] == 1)
  }

  @Test func whatIsCutOffIsBroken() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: try TinyModel.image().write()))
    for count in [1, 10, data.count / 2, data.count - 1] {
      #expect(data.prefix(count).withUnsafeBytes { GraphFacts($0) }.isBroken, "\(count) bytes")
    }
    #expect(GraphFacts(path: "/nowhere") == nil)
  }

  /// Every byte changed, and cut off at every byte: an answer or none, never a crash.
  @Test func whateverComes() throws {
    let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: try TinyModel.stateful(names: true).write())))
    for place in data.indices {
      for value: UInt8 in [0, 0x7F, 0x80, 0xFF] {
        var changed = data
        changed[place] = value
        _ = changed.withUnsafeBytes { GraphFacts($0) }
      }
      _ = data.prefix(place).withUnsafeBytes { GraphFacts($0) }
    }
  }

  static let failures: [(message: String, start: String, words: String)] = [
    ("Protobuf parsing failed.", "version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ("Protobuf parsing failed.", "<!DOCTYPE html>", "web page"),
    ("Load model failed: Fatal error: ai.onnx.contrib:BertTokenizer(-1) is not a registered function/op", "\u{8}", "ai.onnx.contrib:BertTokenizer is a custom operator"),
    ("Load model failed: Fatal error: com.microsoft:FusedThing(-1) is not a registered function/op", "\u{8}", "does not know the operator com.microsoft:FusedThing"),
    ("Error No Op registered for FlashMoE with domain_version of 17", "\u{8}", "does not know the operator FlashMoE"),
    ("Unsupported model IR version: 99, max supported IR version: 14", "\u{8}", "newer ONNX Runtime"),
  ]

  @Test(arguments: failures.indices) func whatToDoAboutAFileThatIsNotLoaded(_ index: Int) throws {
    let (message, start, words) = Self.failures[index]
    let fix = try #require(ONNXError.fix(message, start: start, try facts(.linear())))
    #expect(fix.contains(words))
  }
}
