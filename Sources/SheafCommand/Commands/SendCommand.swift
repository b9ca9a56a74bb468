import Glibc
import SheafKafka

enum SendCommand: Subcommand {
  static let summary = "send requests and print their replies"
  static let options = [
    Option("bootstrap", "HOST:PORT", "the broker; default localhost:9092"),
    Option("topic", "NAME", "the request topic; default requests"),
    Option("replies", "NAME", "the reply topic; default replies"),
    Option("file", "FILE", "a request a line; - is standard input"),
    Option("format", "FORMAT", "text, json or raw: the content-type to send; default: none, so the worker's own"),
    Option("property", "KEY=VALUE", "a librdkafka property (security, for one); may be given more than once", repeats: true),
    Option("timeout", "DURATION", "how long to wait for the next reply; default 30s"),
  ]
  static var help: String {
    """
    usage: sheaf send [OPTIONS] [REQUEST…]

    Produces each argument, or each line of a file, to the request topic, and prints each reply's value as a line, in the order of
    the requests. Exit code 1 where a request was answered with an error, or not at all.

    \(options.help)

    Examples:
      sheaf send "What is it like to write software?"
      fortune | sheaf send --file -
      sheaf send --format json '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}'
    """
  }

  /// Requests under way at once, at most: a lone client should not fill a worker's intake.
  private static let outstanding = 1000

  static func run(_ arguments: [String]) async throws -> Int32 {
    let arguments = try Arguments(arguments, options: options, rest: .max, command: "send")
    var contentType: String?
    if let format = arguments["format"] {
      let types = ["text": "text/plain", "json": "application/json", "raw": "application/octet-stream"]
      guard let type = types[format] else { throw UsageError("send: --format \(format): unknown; write text, json or raw") }
      contentType = type
    }
    let timeout: Double
    do throws(Units.Wrong) { timeout = Double(try Units.duration(arguments["timeout"] ?? "30s")) / 1e9 } catch {
      throw UsageError("send: --timeout \(arguments["timeout"] ?? ""): \(error.problem); \(error.fix)")
    }
    var properties = [("bootstrap.servers", arguments["bootstrap"] ?? "localhost:9092")]
    for property in arguments.all("property") {
      let parts = property.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw UsageError("send: --property \(property): has no =; write --property key=value") }
      properties.append((parts[0], parts[1]))
    }
    var input = try Input(arguments.rest, file: arguments["file"])
    let client = try RequestClient(
      properties, requests: arguments["topic"] ?? "requests", replies: arguments["replies"] ?? "replies", timeout: Int32(min(timeout, 30) * 1000))
    return try exchange(&input, client, contentType, timeout)
  }

  private static func exchange(_ input: inout Input, _ client: RequestClient, _ contentType: String?, _ timeout: Double) throws -> Int32 {
    // Correlation ids that no other client of the topic uses.
    let run = "sheaf-send-\(getpid())-\(UInt64.random(in: 0...(.max)))-"
    var sent = 0, printed = 0, failed = 0, hasMore = true
    var waiting: [Int: RequestClient.Reply] = [:]
    var lastNews = seconds()
    while hasMore || printed < sent {
      while hasMore, sent - printed < outstanding {
        guard let request = input.next() else {
          hasMore = false
          break
        }
        try client.send(request, correlation: Array("\(run)\(sent)".utf8), contentType: contentType)
        sent += 1
        lastNews = seconds()
      }
      if printed == sent { continue }
      for reply in try client.receive(100) {
        let correlation = String(decoding: reply.correlation, as: UTF8.self)
        guard correlation.hasPrefix(run), let index = Int(correlation.dropFirst(run.count)), index >= printed, waiting[index] == nil else { continue }
        waiting[index] = reply
        lastNews = seconds()
      }
      while let reply = waiting.removeValue(forKey: printed) {
        Terminal.print(String(decoding: reply.value, as: UTF8.self))
        if reply.error != nil { failed += 1 }
        printed += 1
      }
      if seconds() - lastNews > timeout {
        Terminal.error("send: \(sent - printed - waiting.count) of \(sent) requests were not answered within \(Units.text(duration: UInt64(timeout * 1000) * 1_000_000)); is a worker running on this topic?")
        return ExitCode.failure
      }
    }
    if sent > 1 || failed > 0 { Terminal.note("\(sent) sent, \(sent - failed) answered, \(failed) failed") }
    return failed == 0 ? ExitCode.success : ExitCode.failure
  }

  private static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The arguments, then the lines of a file.
  private struct Input {
    private var arguments: ArraySlice<String>
    private let file: UnsafeMutablePointer<FILE>?

    init(_ arguments: [String], file: String?) throws {
      self.arguments = arguments[...]
      switch file {
      case nil: self.file = nil
      case "-": self.file = fdopen(0, "r")
      case let path?:
        self.file = fopen(path, "r")
        if self.file == nil { throw UsageError("send: --file \(path): \(String(cString: strerror(errno))); name a file that can be read") }
      }
      if arguments.isEmpty, file == nil { throw UsageError("send: no request; write it as an argument, or name a file with --file") }
    }

    mutating func next() -> [UInt8]? {
      if let argument = arguments.popFirst() { return Array(argument.utf8) }
      guard let file else { return nil }
      var line: UnsafeMutablePointer<CChar>?
      var capacity = 0
      defer { free(line) }
      var count = getline(&line, &capacity, file)
      guard count >= 0, let line else { return nil }
      if count > 0, line[count - 1] == 10 { count -= 1 }
      return Array(UnsafeRawBufferPointer(start: line, count: count))
    }
  }
}
