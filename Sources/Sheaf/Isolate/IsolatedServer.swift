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
    let text = "\(model.name)\n\(model.signature)\n\(configuration.kafka["group.id"] ?? "")"
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
    let context = try model.makeContext(), batch = ModelBatch(signature: model.signature)
    // A row of zeros: a child that cannot even run that (there is no memory for a second model, say) tells nothing about records.
    do { try WarmUp.run(context, batch, WarmUp.Shape(rows: 1, length: 1)) } catch let error where error is ModelOutOfMemory || error is ModelLost { throw error } catch {}
    try channel.send(RunMessage.ready)
    while true {
      var words = RunMessage.Reader(try channel.receiveWords())
      batch.begin(rows: try words.next(), length: try words.next())
      for index in batch.inputs.indices {
        let (bytes, shape) = try words.tensor()
        batch.inputs[index].shape = shape
        guard bytes == RunMessage.byteCount(model.signature.inputs[index].type, shape) else { throw Channel.Failure.garbled }
        try channel.receive(into: UnsafeMutableRawBufferPointer(start: batch.inputs[index].reserve(bytes), count: bytes))
      }
      var verdict = RunMessage.Verdict.ran, text = ""
      do { try context.run(batch) } catch {
        text = "\(error)"
        verdict = switch error {
        case is ModelUnavailable: .unavailable
        case is ModelOutOfMemory: .outOfMemory
        case is ModelLost: .lost
        default: .failed
        }
      }
      try answer(verdict, text, batch, channel)
    }
  }

  private static func answer(_ verdict: RunMessage.Verdict, _ text: String, _ batch: ModelBatch, _ channel: Channel) throws(Channel.Failure) {
    let failures = batch.failures.map { (row: $0.key, reason: Array($0.value.utf8.prefix(Int(RunMessage.longestText)))) }, text = Array(text.utf8.prefix(Int(RunMessage.longestText)))
    let outputs = verdict == .ran ? batch.outputs : []
    func bytes(_ index: Int) -> Int { byteCount(batch.signature.outputs[index].type, outputs[index].shape) }
    try channel.send(
      [verdict.rawValue, Int64(text.count), Int64(failures.count), Int64(outputs.count)] + failures.flatMap { [Int64($0.row), Int64($0.reason.count)] }
        + RunMessage.header(outputs, bytes))
    try channel.send(text)
    for failure in failures { try channel.send(failure.reason) }
    for (index, output) in outputs.enumerated() where output.data != nil { try channel.send(UnsafeRawBufferPointer(start: output.data, count: bytes(index))) }
  }
}
