import CPlatform
import Glibc
import SheafKafka
@testable import SheafTesting
import Testing

@Suite struct BrokerTests {
  @Test(arguments: Brokers.available) func keepsWhatIsSent(_ kind: Brokers) throws {
    let broker = try kind.start()
    let topic = uniqueName("kept")
    try broker.createTopic(topic, partitions: 3)
    let sent = (0..<300).map { index in
      TestRecord("value \(index)", key: "key", headers: ["index": "\(index)", "empty": ""], partition: Int32(index % 3))
    }
    try broker.client.produce(topic, sent + [TestRecord(key: nil, value: nil, headers: [.init("null", nil)], partition: 0)])

    let received = try broker.client.consume(topic, count: 301)
    #expect(received.count == 301)
    for partition in 0..<3 as Range<Int32> {
      let own = received.filter { $0.partition == partition && $0.value != nil }
      #expect(own.map(\.text) == sent.filter { $0.partition == partition }.map(\.text))
      #expect(own.map(\.offset) == (0..<100).map { Int64($0) })
      #expect(own.allSatisfy { $0.header("empty") == "" && $0.header("index") == String($0.text.dropFirst(6)) })
    }
    let null = try #require(received.first { $0.value == nil })
    #expect(null.key == nil && null.headers == [.init("null", nil)])
    #expect(try broker.client.endOffsets(topic) == [101, 100, 100])
    #expect(try broker.client.committed(uniqueName("group"), topic) == [-1, -1, -1])
  }

  @Test func isFoundOnAChosenPort() throws {
    let port = try freePort()
    let broker = try EmbeddedBroker(brokers: 2, topics: [("topic", 4)], port: port)
    #expect(broker.bootstrap == "127.0.0.1:\(port)")
    try broker.client.produce("topic", [TestRecord("hello")])
    #expect(try broker.client.consume("topic", count: 1).map(\.text) == ["hello"])
    broker.close()
    #expect(!broker.client.answers(within: 0.2))
  }

  @Test func comesBackAtItsAddress() throws {
    let broker = try EmbeddedBroker(topics: [("topic", 1)])
    try broker.setDown()
    #expect(!broker.client.answers(within: 0.2))
    try broker.setUp()
    #expect(broker.client.answers(within: 5))
    broker.pushErrors(0, [6, 6])  // Produce: not the leader, which is retried.
    try broker.client.produce("topic", [TestRecord("hello")])
    #expect(try broker.client.endOffsets("topic") == [1])
  }

  /// A leader that moves while nothing is read yet: where a partition begins is asked of the new one.
  @Test func watermarksFollowTheLeader() throws {
    let broker = try EmbeddedBroker(brokers: 2, topics: [("topic", 1)])
    try broker.setLeader(of: "topic", 0, broker: 1)
    try broker.client.produce("topic", [TestRecord("hello")])
    let consumer = try Consumer([("bootstrap.servers", broker.bootstrap), ("group.id", "group")], wakeup: -1)
    #expect(try consumer.watermarks(TopicPartition("topic", 0), timeout: 5000).high == 1)
    try broker.setLeader(of: "topic", 0, broker: 2)
    #expect(try consumer.watermarks(TopicPartition("topic", 0), timeout: 5000).high == 1)
  }

  @Test(.enabled(if: Brokers.available.contains(.real))) func realKafkaSurvivesACrash() throws {
    let kafka = try RealKafka()
    try kafka.createTopic("topic", partitions: 1)
    try kafka.client.produce("topic", [TestRecord("before")])
    kafka.kill()
    #expect(!kafka.client.answers(within: 0.2))
    try kafka.restart()
    try kafka.client.produce("topic", [TestRecord("after")])
    #expect(try kafka.client.consume("topic", count: 2).map(\.text) == ["before", "after"])
    kafka.stop()
  }
}

@Suite struct ChildProcessTests {
  @Test func saysHowItEnded() throws {
    #expect(try ChildProcess(["sh", "-c", "exit 3"]).wait() == .code(3))
    let sleeper = try ChildProcess(["sleep", "60"])
    #expect(sleeper.isRunning)
    #expect(sleeper.wait(seconds: 0.01) == nil)
    sleeper.signal(SIGTERM)
    #expect(sleeper.wait() == .signal(SIGTERM))
    #expect(sleeper.wait() == .signal(SIGTERM))
    #expect(throws: TestClientError.self) { try ChildProcess(["/no/such/program"]) }
  }

  @Test func writesWhereItIsTold() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path + "/out"
    _ = try ChildProcess(["sh", "-c", "echo $WORD; echo error >&2"], environment: ["WORD": "word"], output: .file(file)).wait()
    #expect(try readText(file) == "word\nerror\n")
  }

  @Test func endsWithTheLastReference() throws {
    var child: ChildProcess? = try ChildProcess(["sleep", "60"])
    let pid = try #require(child?.pid)
    #expect(kill(pid, 0) == 0)
    child = nil
    #expect(kill(pid, 0) == -1)
  }

  /// The kernel closes the watchdog's pipe when this process dies; here it is closed by hand.
  @Test func endsWithItsParent() throws {
    let child = try ChildProcess(["sleep", "60"], diesWithParent: false)
    let directory = try TemporaryDirectory()
    let watchdog = try Watchdog(over: child.pid, removing: directory.path)
    close(watchdog.pipe)
    #expect(child.wait(seconds: 10) == .signal(SIGKILL))
    waitpid(watchdog.pid, nil, 0)
    #expect(access(directory.path, F_OK) == -1)
  }
}
