import Glibc
import SheafTesting
import Testing

@testable import SheafCommand

/// `audit` as a process, on the embedded broker.
@Suite struct AuditCommandTests {
  let broker = try! EmbeddedBroker(topics: [("requests", 2), ("replies", 1), ("others", 1), ("dead", 1)])
  let directory = try! TemporaryDirectory()

  private func audit(_ more: String...) throws -> (code: Int32?, lines: [String]) {
    try Sheaf(["audit", "--bootstrap", broker.bootstrap, "--requests", "requests", "--replies", "replies"] + more).end()
  }

  private func reply(_ partition: Int, _ offset: Int, code: String? = nil) -> TestRecord {
    var record = TestRecord("reply", headers: ["sheaf_id": "requests/\(partition)/\(offset)"])
    if let code { record.headers.append(.init("sheaf_error", Array(code.utf8))) }
    return record
  }

  @Test func findsLossAndRepeats() throws {
    try broker.client.produce("requests", (0..<10).map { TestRecord("\($0)", partition: Int32($0 % 2)) })
    try broker.client.produce("replies", [reply(0, 1), reply(0, 0), reply(0, 2), reply(1, 0), reply(1, 0), reply(1, 1), reply(1, 2, code: "malformed"), reply(9, 9), TestRecord("?")])
    let found = try audit()
    #expect(found.code == 1)
    #expect(found.lines == [
      "records       10", "answered      5", "failed        1 (error replies: malformed 1)",
      "lost          4: requests/0/3, requests/0/4, requests/1/3, requests/1/4", "duplicated    1", "reordered     1",
      "strays        2 replies or dead letters of no record read here",
    ])

    // The rest came by another topic; the one that failed has no dead letter yet.
    try broker.client.produce("others", [reply(0, 3), reply(0, 4), reply(1, 3), reply(1, 4)])
    #expect(try audit("--replies", "others").code == 0)
    #expect(try audit("--replies", "others", "--exactly-once").code == 1)
    let dead = try audit("--replies", "others", "--dead-letters", "dead", "--json")
    #expect(dead.code == 1)
    #expect(dead.lines.count == 1 && dead.lines[0].contains(#""lost":1,"#) && dead.lines[0].contains(#""examples":["requests/1/2"]"#))
    try broker.client.produce("dead", [TestRecord("", headers: ["__dlq.errors.topic": "requests", "__dlq.errors.partition": "1", "__dlq.errors.offset": "2"])])
    #expect(try audit("--replies", "others", "--dead-letters", "dead").code == 0)
  }

  /// A worker's run from its own configuration: a text answered, one that is no JSON.
  @Test func aRunOfServeIsClean() throws {
    let configuration = try minilmConfiguration(broker.bootstrap, in: directory)
    try broker.client.produce("requests", (0..<20).map { TestRecord("text \($0)", partition: $0 % 2) } + [TestRecord("{", headers: ["content-type": "application/json"], partition: 0)])
    #expect(try Sheaf.run("serve", "--config", configuration, "--until", "end").code == 0)
    let (code, lines) = try Sheaf.run("audit", "--from-config", configuration, "--exactly-once")
    #expect(code == 0, "\(lines)")
    #expect(lines.contains("records       21") && lines.contains("answered      20") && lines.contains("dead-lettered 1") && lines.contains("lost          0"))
    #expect(lines.contains("committed     nothing passed"))
  }
}
