import SheafTesting
import Testing

/// The example of a model of one's own, as a process, on the embedded broker.
@Suite struct ExampleTests {
  @Test func theDoublerDoubles() throws {
    let broker = try EmbeddedBroker(topics: [("numbers", 1), ("doubled", 1)])
    let doubler = try ChildProcess([try builtExecutable("Doubler"), broker.bootstrap], output: .null)
    try broker.client.produce("numbers", [
      TestRecord(#"{"id":"a","inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}"#, partition: 0),
      TestRecord(#"{"inputs":[{"name":"x","shape":[2,4],"datatype":"FP32","data":[[0.5,-1,0,1e3],[1,1,1,1]]}]}"#, partition: 0),
      TestRecord("not json", partition: 0),
    ])
    let replies = try broker.client.consume("doubled", count: 3).map(\.text)
    #expect(replies.contains(#"{"model_name":"doubler","id":"a","outputs":[{"name":"y","datatype":"FP32","shape":[1,4],"data":[2.0,4.0,6.0,8.0]}]}"#))
    #expect(replies.contains { $0.contains(#""shape":[2,4],"data":[1.0,-2.0,0.0,2000.0,2.0,2.0,2.0,2.0]"#) })
    #expect(replies.contains { $0.contains("\"error\":\"numbers, partition 0, offset 2: ") && $0.contains("\"code\":\"malformed\"") })
    #expect(doubler.isRunning)
  }
}
