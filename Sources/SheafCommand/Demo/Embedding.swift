import Glibc

/// Sentence embeddings: vectors of length 1 whose product says how near two texts are in meaning.
enum Embedding {
  /// The numbers of the first output of a JSON reply, `{"outputs":[{…,"data":[…]}]}`; `nil` where there are none.
  static func read(_ json: [UInt8]) -> [Float]? {
    let text = json + [0]
    return text.withUnsafeBytes { bytes in
      let start = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
      guard let data = strstr(start, "\"data\""), var next = UnsafePointer(strchr(data, 91 /* [ */)).map({ $0 + 1 }) else { return nil }
      var numbers: [Float] = []
      while true {
        var end: UnsafeMutablePointer<CChar>?
        let number = strtof(next, &end)
        guard let end, UnsafePointer(end) != next else { break }
        numbers.append(number)
        next = UnsafePointer(end) + (end.pointee == 44 /* , */ ? 1 : 0)
      }
      return numbers.isEmpty ? nil : numbers
    }
  }

  /// Places of the embeddings nearest to `query`, nearest first.
  static func nearest(_ count: Int, to query: [Float], among embeddings: [[Float]?]) -> [(index: Int, similarity: Float)] {
    let all = embeddings.enumerated().compactMap { index, embedding in
      embedding.map { (index: index, similarity: zip(query, $0).reduce(0) { $0 + $1.0 * $1.1 }) }
    }
    return Array(all.sorted { $0.similarity > $1.similarity }.prefix(count))
  }
}
