import CPlatform
import Glibc

/// The child's side: the same program, started again, that runs batches for its parent instead of consuming.
enum IsolatedServer {
  /// The environment's variable that makes a process a child: the descriptor to its parent, and which worker of the program it
  /// stands in for.
  static let variable = "SHEAF_ISOLATED"

  /// What this process was started for; nil: it is no child.
  static let role: (descriptor: Int32, identity: String)? = {
    guard let value = getenv(variable).map({ String(cString: $0) }) else { return nil }
    let parts = value.split(separator: ":")
    guard parts.count == 2, let descriptor = Int32(parts[0]), fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { return nil }
    return (descriptor, String(parts[1]))
  }()

  /// Tells the workers of one program apart.
  static func identity(_ model: any Model, _ configuration: WorkerConfiguration) -> String {
    let text = "\(model.name)\n\(model.signature.fingerprint)\n\(configuration.kafka["group.id"] ?? "")"
    return String(fnv1a(text.utf8), radix: 16)
  }

  /// Runs batches until the parent hangs up, then ends the process.
  static func serve(_ model: any Model, _ descriptor: Int32) -> Never {
    platform_die_with_parent()
    // The parent's own crash has left a core already.
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    // On a thread like a lane's.
    Thread("isolated") {
      do { try serve(model, Channel(descriptor: descriptor)) } catch is Channel.Failure {} catch {
        logToStandardError("child process: \(error)")
        _exit(1)
      }
      _exit(0)
    }.join()
    _exit(0)
  }

  private static func serve(_ model: any Model, _ channel: Channel) throws {
    let runner = try LocalRunner(model)
    // A made-up row: a child that cannot even run that (there is no memory for a second model, say) tells nothing about records.
    do { try runner.runExample(length: 1) } catch let error where error is ModelOutOfMemory || error is ModelLost { throw error } catch {}
    try channel.send(RunMessage.ready)
    while true {
      var words = RunMessage.Reader(try channel.receiveWords())
      guard let order = RunMessage.Order(rawValue: Int64(try words.next())) else { throw Channel.Failure.garbled }
      let length = try words.next(), bounds = RunBounds(maxRows: max(1, try words.next()), maxTokens: max(1, try words.next()))
      let messages = try (0..<(try words.next(0...10_000_000))).map { _ in try RequestMessage(&words, model.signature.inputs) }
      let requests = try messages.map { try $0.receive(channel) }
      defer { for request in requests { request.release() } }
      var verdict = RunMessage.Verdict.ran, text = "", run = BatchRun(), row: Int?
      do {
        switch order {
        case .run: run = try runner.run(requests[...], within: bounds)
        case .example: try runner.runExample(length: length)
        case .findFailingRow: row = requests.first.flatMap { runner.failingRow(of: $0) }
        }
      } catch {
        text = "\(error)"
        verdict = switch error {
        case is ModelUnavailable: .unavailable
        case is ModelOutOfMemory: .outOfMemory
        case is ModelLost: .lost
        default: .failed
        }
      }
      try answer(verdict, text, row, run, replies: verdict == .ran && order == .run ? requests.indices.map { runner.reply($0).copied } : [], channel)
    }
  }

  private static func answer(_ verdict: RunMessage.Verdict, _ text: String, _ row: Int?, _ run: BatchRun, replies: [(RunMessage.ReplyKind, [UInt8])], _ channel: Channel) throws(Channel.Failure) {
    func short(_ text: String) -> [UInt8] { Array(text.utf8.prefix(Int(RunMessage.longestText))) }
    let text = short(text), failure = short(run.firstFailure)
    var words: [Int64] = [verdict.rawValue, Int64(row ?? -1), Int64(text.count), Int64(run.failed), Int64(failure.count), Int64(run.parts.count), Int64(replies.count)]
    for part in run.parts { words += [Int64(part.shape.rows), Int64(part.shape.length), Int64(part.rowPadding), Int64(part.time)] }
    for (kind, bytes) in replies { words += [kind.rawValue, Int64(bytes.count)] }
    try channel.send(words)
    try channel.send(text)
    try channel.send(failure)
    for (_, bytes) in replies { try channel.send(bytes) }
  }
}

extension BatchReply {
  /// As it goes to the parent.
  fileprivate var copied: (RunMessage.ReplyKind, [UInt8]) {
    switch self {
    case .value(let bytes, let hasNaN): (hasNaN ? .valueWithNaN : .value, Array(bytes))
    case .failed(let reason): (.failed, Array(reason.utf8.prefix(Int(RunMessage.longestText))))
    }
  }
}
