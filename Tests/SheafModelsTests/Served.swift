import Foundation
@testable import Sheaf
@testable import SheafModels

/// A model as a worker serves it, without Kafka: requests are decoded, those of one group run as one batch, split and encoded.
final class Served {
  let model: OnnxModel
  private let decoder: RequestDecoder
  private let runner: LocalRunner
  /// Rows of each batch that was run.
  private(set) var batches: [Int] = []

  struct Reply {
    var text: String
    var error: String?
    var outputs: [String: Output] = [:]

    subscript(name: String) -> Output? { outputs[name] }
    /// Of the only output, or the first.
    var only: Output? { outputs.count == 1 ? outputs.values.first : nil }
  }
  struct Output: Equatable {
    var shape: [Int]
    var numbers: [Double] = []
    var texts: [String] = []
  }

  init(_ model: OnnxModel, format: DecodeOptions.Format = .json, nonFinite: Bool = false) throws {
    self.model = model
    var options = DecodeOptions(format: format)
    options.takesNonFinite = nonFinite
    decoder = RequestDecoder(signature: model.signature, text: model.text, options: options, modelName: model.name)
    runner = try LocalRunner(model)
  }

  /// Requests of one group run together, as far as the model takes; replies in the requests' order.
  func ask(_ values: [[UInt8]]) throws -> [Reply] {
    var replies = [Reply?](repeating: nil, count: values.count)
    var waiting: [(index: Int, request: Request, memory: UnsafeMutableRawBufferPointer)] = []
    defer { for entry in waiting { entry.memory.deallocate() } }
    for (index, value) in values.enumerated() {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, value.count), alignment: 8)
      memory.copyBytes(from: value)
      let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
      let record = Record(
        ticket: Ticket(bits: UInt64(index)), topic: 0, partition: 0, offset: Int64(index), timestamp: -1, arrival: 0, key: nothing,
        value: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<value.count]), headers: .none)
      do throws(RecordFault) {
        if case .request(let request) = try decoder.decode(record) { waiting.append((index, request, memory)) }
      } catch {
        replies[index] = Reply(text: "", error: "expected \(error.expected), came \(error.came)")
        memory.deallocate()
      }
    }
    let bounds = RunBounds(maxRows: model.signature.mostRows, maxTokens: .max)
    for group in Dictionary(grouping: waiting, by: \.request.group).values.sorted(by: { $0[0].index < $1[0].index }) {
      let runs = model.signature.mostRows == 1 ? group.map { [$0] } : [group]
      for run in runs {
        let result = try runner.run(run.map(\.request)[...], within: bounds)
        batches += result.parts.map { $0.shape.rows - $0.rowPadding }
        for (place, entry) in run.enumerated() {
          switch runner.reply(place) {
          case .value(let bytes, _): replies[entry.index] = try Served.read(bytes)
          case .failed(let reason): replies[entry.index] = Reply(text: "", error: reason)
          }
        }
      }
    }
    for entry in waiting { entry.request.release() }
    return replies.map { $0! }
  }

  func ask(_ values: [String]) throws -> [Reply] { try ask(values.map { Array($0.utf8) }) }
  func ask(_ value: String) throws -> Reply { try ask([value])[0] }

  private static func read(_ bytes: UnsafeRawBufferPointer) throws -> Reply {
    var reply = Reply(text: String(decoding: bytes, as: UTF8.self))
    for output in try JSONValue(bytes)["outputs"]?.array ?? [] {
      var read = Output(shape: output["shape"]?.array?.compactMap(\.int) ?? [])
      for element in output["data"]?.array ?? [] {
        if let text = element.string { read.texts.append(text) } else if case .bool(let bool) = element { read.numbers.append(bool ? 1 : 0) } else { read.numbers.append(element.number ?? .nan) }
      }
      reply.outputs[output["name"]?.string ?? ""] = read
    }
    return reply
  }
}

/// `{"name":…,"shape":…,"datatype":…,"data":…}`.
func tensor(_ name: String, _ type: String, _ shape: [Int], _ data: [Double]) -> String {
  let elements = data.map { type.hasPrefix("FP") ? "\($0)" : type == "BOOL" ? ($0 == 0 ? "false" : "true") : "\(Int($0))" }
  return "{\"name\":\"\(name)\",\"shape\":\(shape),\"datatype\":\"\(type)\",\"data\":[\(elements.joined(separator: ","))]}"
}

func inputs(_ tensors: String...) -> String { "{\"inputs\":[\(tensors.joined(separator: ","))]}" }
