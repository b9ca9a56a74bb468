import Glibc
import SheafAudit
import SheafKafka
import SheafTesting

/// What came of a run: the audit that `sheaf audit` does, and every reply held against its request.
struct Verdict {
  var report: AuditReport
  /// Replies that are not their request's, error replies where there should be none, and the like.
  var wrong: [String] = []
  var wrongCount = 0
  /// Seconds the reading took.
  var seconds: Double

  init(_ options: Options, bootstrap: String) throws {
    let begun = monotonicSeconds()
    let requests = Requests(options)
    /// A request's number, by partition and offset.
    var numbers = [[Int32]](repeating: [], count: options.partitions)
    var wrong: [String] = [], wrongCount = 0
    func note(_ id: Audit.RequestID, _ what: String) {
      wrongCount += 1
      if wrong.count < 10 { wrong.append("requests/\(id.partition)/\(id.offset): \(what)") }
    }
    var run = AuditRun(requests: [Run.requests], replies: [Run.replies], deadLetters: Run.deadLetters, group: Run.group)
    run.onRequest = { id, message in
      guard let number = message.number else { return note(id, "a request without a number") }
      while numbers[id.partition].count <= Int(id.offset) { numbers[id.partition].append(-1) }
      numbers[id.partition][Int(id.offset)] = Int32(number)
    }
    run.onReply = { id, message in
      guard numbers[id.partition].indices.contains(Int(id.offset)) else { return note(id, "answered, but never asked") }
      let number = Int(numbers[id.partition][Int(id.offset)])
      guard message.number == number else { return note(id, "the answer is to number \(message.number ?? -1), the request is \(number)") }
      let kind = requests.kind(number)
      if let code = message.header("sheaf_error") {
        let code = String(decoding: code, as: UTF8.self)
        if !Requests.codes(kind).contains(code) { note(id, "\(kind) was answered with the error \(code)") }
      } else if kind != .healthy {
        note(id, "\(kind) was answered as if it were healthy")
      } else if !requests.value(number, kind).elementsEqual(message.value) {
        note(id, "the answer is not what was asked")
      }
    }
    report = try run.run([("bootstrap.servers", bootstrap)])
    (self.wrong, self.wrongCount) = (wrong, wrongCount)
    seconds = monotonicSeconds() - begun
  }
}

extension Message {
  /// Its correlation id.
  fileprivate var number: Int? { header("kafka_correlationId").flatMap { Int(String(decoding: $0, as: UTF8.self)) } }
}
