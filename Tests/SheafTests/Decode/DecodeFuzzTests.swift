import SheafTesting
import Testing

@testable import Sheaf

/// Whatever comes, a decoder answers with a request or a fault; what it accepts means what it says.
@Suite struct DecodeFuzzTests {
  static let seeds = [
    #"{"id":"7\n","inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,-2.5,3e4,0.0001,123456789012345678901234567890,6E-45]}],"parameters":{"priority":0,"b":null}}"#,
    #"{"inputs":[{"data":[[1,2,3]],"name":"x","shape":[1,3],"datatype":"FP32"}],"outputs":[{"name":"y"}]}"#,
    #"{"inputs":[{"name":"input_ids","shape":[1,4],"datatype":"INT64","data":[101,7592,-1,102]},{"name":"attention_mask","shape":[1,4],"datatype":"INT64","data":[1,1,1,1]}]}"#,
    #"{"texts":["one","zwei\ud83d\ude00\u00e9","\"drei\""]}"#,
    #"{"inputs":[{"name":"t","shape":[2],"datatype":"BYTES","data":["ä","\\"]}]}"#,
    #"{"inputs":[{"name":"a","shape":[2,1],"datatype":"FP32","data":[0.5,-1]},{"name":"b","shape":[2,2],"datatype":"INT32","data":[[1,-2],[3,4]]}]}"#,
  ].map { Array($0.utf8) }

  let decoders = [
    RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .json)),
    RequestDecoder(signature: Signatures.text, text: ByteEncoder(), options: DecodeOptions(format: .json)),
    RequestDecoder(signature: Signatures.two, text: nil, options: DecodeOptions(format: .json)),
    RequestDecoder(signature: Signatures.text, text: ByteEncoder(), options: DecodeOptions(format: .text)),
    RequestDecoder(signature: Signatures.floats, text: nil, options: DecodeOptions(format: .raw)),
  ]

  /// Returns whether it was accepted.
  private func decode(_ value: [UInt8], _ decoder: RequestDecoder) throws -> Bool {
    do {
      guard let request = try decoder.decoded(value) else { return false }
      // The extents fit the bytes.
      for (place, index) in decoder.requestInputs.enumerated() {
        let spec = decoder.signature.inputs[index]
        var elements = spec.padAxis == nil ? request.rows : request.lengths[place].map { $0.reduce(0) { $0 + Int($1) } } ?? request.rows * request.length
        for case .fixed(let extent) in spec.shape { elements *= extent }
        #expect(request.tensors[place].count == elements * spec.type.size)
        #expect(request.lengths[place]?.max().map { Int($0) } ?? request.length == request.length)
      }
      return true
    } catch let fault as RecordFault {
      #expect(!fault.expected.isEmpty && !fault.came.isEmpty)
      return false
    }
  }

  @Test func seedsAreAccepted() throws {
    for (place, seed) in Self.seeds.enumerated() { #expect(try decode(seed, decoders[[0, 0, 1, 1, 1, 2][place]])) }
  }

  @Test(arguments: 0..<5) func randomBytesNeverCrash(which: Int) throws {
    var generator = SeededGenerator(seed: UInt64(which))
    let alphabet = Array("{}[],:\"\\u0123456789-+.eEtruefalsn inputsdatashapename".utf8)
    for round in 0..<20_000 {
      let count = Int.random(in: 0..<64, using: &generator)
      let bytes = (0..<count).map { _ in round % 2 == 0 ? UInt8(truncatingIfNeeded: generator.next()) : alphabet.randomElement(using: &generator)! }
      _ = try decode(bytes, decoders[which])
    }
  }

  @Test(arguments: 0..<4) func mutationsNeverCrash(which: Int) throws {
    var generator = SeededGenerator(seed: 100 + UInt64(which))
    var accepted = 0
    for _ in 0..<30_000 {
      var bytes = Self.seeds.randomElement(using: &generator)!
      for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(bytes.randomElement(using: &generator)!, at: place)
        case 3: bytes.removeLast(bytes.count - place)
        case 4: bytes[place] = UInt8(ascii: "0") + UInt8(generator.next() % 10)
        default:
          let other = Self.seeds.randomElement(using: &generator)!
          bytes.replaceSubrange(place..<min(bytes.count, place + 8), with: other[Int.random(in: 0..<other.count, using: &generator)...].prefix(8))
        }
      }
      if try decode(bytes, decoders[which]) { accepted += 1 }
    }
    #expect(accepted > 0)
  }

  /// A request with random content, written as JSON one way or another, comes out as it went in.
  @Test func requestsComeOutAsTheyWentIn() throws {
    var generator = SeededGenerator(seed: 3)
    for round in 0..<500 {
      let rows = Int.random(in: 1...5, using: &generator)
      let values = (0..<rows * 3).map { _ in
        round % 2 == 0 ? Float.random(in: -10...10, using: &generator) : Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()) & 0xBF7F_FFFF)
      }
      let space = ["", " ", "\n\t"].randomElement(using: &generator)!
      let texts = values.map { round % 3 == 0 ? "\(Double($0))" : "\($0)" }
      let nested = (0..<rows).map { "[" + texts[$0 * 3..<$0 * 3 + 3].joined(separator: ",\(space)") + "]" }
      let data = "[" + (Bool.random(using: &generator) ? nested : texts).joined(separator: "\(space),") + "]"
      let members = ["\"name\":\"x\"", "\"shape\":\(space)[\(rows),3]", "\"datatype\" : \"FP32\"", "\"data\":\(data)"].shuffled(using: &generator)
      let json = "{\"inputs\":[{\(members.joined(separator: "," + space))}]}"
      let request = try #require(try decoders[0].decoded(json))
      #expect(request.elements(0, as: Float.self).map(\.bitPattern) == values.map(\.bitPattern))
      #expect(request.rows == rows)
    }
  }
}
