import FoundationEssentials
import SheafONNX
import SheafTesting
import Testing

@testable import Sheaf
@testable import SheafModels

/// The real model and tokenizer against what Python's onnxruntime made of the same texts, each alone
/// (scripts/embedding_expectations.py).
@Suite struct MiniLMTextTests {
  struct Expectations: Decodable {
    struct Row: Decodable {
      var text: String
      var tokens: Int
      var embedding: [Float]
    }
    var maxLength: Int
    var rows: [Row]
  }

  private let expected: Expectations
  private let model: OnnxModel

  init() throws {
    let folder = try Installed.minilm
    expected = try JSONDecoder().decode(Expectations.self, from: Data(readBytes("Tests/Expectations/embeddings-minilm.json")))
    model = try OnnxModel(OnnxOptions(path: folder), runtime: runtime(), text: Tokenizer(folder: folder, maxLength: expected.maxLength))
  }

  /// In batches of every size, in file order, so that rows are padded to all kinds of neighbours.
  @Test(arguments: [1, 2, 3, 7, 16, 28]) func embeddingsEqualPythons(batchSize: Int) throws {
    let decoder = RequestDecoder(signature: model.signature, text: model.text, options: DecodeOptions(format: .text, replyFormat: .raw))
    let batch = ModelBatch(signature: model.signature), filler = BatchFiller(model.signature), splitter = OutputSplitter(model.signature)
    let context = try model.makeContext()
    var worst: Float = 0
    for start in stride(from: 0, to: expected.rows.count, by: batchSize) {
      let rows = expected.rows[start..<min(start + batchSize, expected.rows.count)]
      // The decoded requests own their ids; the texts need to live only while they are decoded.
      let requests: [Request] = try rows.map { row in
        var text = Array(row.text.utf8)
        text.append(0)  // An address even for the empty text.
        return try text.withUnsafeBytes { bytes in
          let record = Record(
            ticket: Ticket(bits: 0), topic: 0, partition: 0, offset: 0, timestamp: 0, arrival: 0, key: .init(start: nil, count: 0),
            value: UnsafeRawBufferPointer(rebasing: bytes.dropLast()), headers: .none)
          guard case .request(let request) = try decoder.decode(record) else { throw TestClientError("not a request") }
          return request
        }
      }
      defer { for request in requests { request.release() } }
      #expect(requests.map { Int($0.length) } == rows.map(\.tokens))
      try filler.fill(batch, requests[...])
      try context.run(batch)
      try splitter.begin(batch)
      for (index, row) in rows.enumerated() {
        let slice = splitter.split(first: index, rows: 1, length: row.tokens)[0]
        #expect(slice.byteCount == 384 * 4)
        for (column, value) in row.embedding.enumerated() {
          worst = max(worst, abs(value - slice.data.loadUnaligned(fromByteOffset: column * 4, as: Float.self)))
        }
      }
    }
    #expect(worst < 1e-5)
  }

  /// Text in, embeddings out, through a broker and a worker with two lanes.
  @Test(arguments: Brokers.available) func embeddingsThroughKafkaEqualPythons(_ kind: Brokers) async throws {
    struct Reply: Decodable {
      struct Output: Decodable {
        var shape: [Int]
        var data: [Float]
      }
      var outputs: [Output]
    }
    let broker = try kind.start(), requests = uniqueName("texts"), replies = uniqueName("embeddings"), group = uniqueName("group")
    for topic in [requests, replies] { try broker.createTopic(topic, partitions: 2) }
    try broker.client.produce(requests, expected.rows.enumerated().map { index, row in
      TestRecord(row.text, headers: ["kafka_correlationId": "\(index)"], partition: Int32(index % 2))
    })
    var configuration = WorkerConfiguration(
      kafka: ["bootstrap.servers": broker.bootstrap, "group.id": group, "session.timeout.ms": "6000", "fetch.wait.max.ms": "10"],
      topics: .init(requests: [requests], format: .text, replies: replies), batch: BatchSettings(maxRows: 8, maxWait: 20_000_000), lanes: 2)
    configuration.untilEnd = true
    try await Worker(model: model, configuration: configuration).run()

    let answers = try broker.client.consume(replies, count: expected.rows.count)
    #expect(Set(answers.map { $0.header("kafka_correlationId") }).count == expected.rows.count)
    var worst: Float = 0
    for answer in answers {
      let row = expected.rows[Int(answer.header("kafka_correlationId")!)!]
      let output = try JSONDecoder().decode(Reply.self, from: Data(answer.value!)).outputs[0]
      #expect(output.shape == [1, 384])
      for (mine, theirs) in zip(output.data, row.embedding) { worst = max(worst, abs(mine - theirs)) }
    }
    #expect(worst < 1e-5)
  }
}
